"""A plain dump under a guard of our own, so that none of psql's commands in it is run, whoever wrote it.

pg_dump puts its text between `\\restrict KEY` and `\\unrestrict KEY`, and psql runs no command of its own (`\\!` starts a shell)
in between. That keeps out who writes into a database and cannot know the key (CVE-2025-8714), but not who writes a whole dump
into the store.
"""

import re
import secrets
from collections.abc import Iterator

HEAD_BYTES = 4096
TAIL_BYTES = 1024
_LEAST_KEY = 32
_FIRST = re.compile(rb"(?:--[^\n]*\n|\n)*\\restrict ([A-Za-z0-9]+)\n")
_LAST = re.compile(rb"\n\\unrestrict ([A-Za-z0-9]+)\n*$")


def guarded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a plain dump with a new key in the place of its own, which may be known; with one in front where it has none.

    The length stays, for dumps of ours. What `chunks` raises goes through.
    """
    head = b""
    while len(head) < HEAD_BYTES + TAIL_BYTES and (chunk := next(chunks, None)) is not None:
        head += chunk
    first = _FIRST.match(head[:HEAD_BYTES])
    length = len(first[1]) if first else 0
    key = secrets.token_hex(max(length, _LEAST_KEY))[: max(length, _LEAST_KEY)].encode()
    begin, rest = (head[: first.start(1)] + key + b"\n", head[first.end() :]) if first else (b"\\restrict " + key + b"\n", head)
    yield begin
    for chunk in chunks:
        rest += chunk
        if len(rest) > TAIL_BYTES:
            yield rest[:-TAIL_BYTES]
            rest = rest[-TAIL_BYTES:]
    yield _LAST.sub(lambda last: last[0].replace(last[1], key, 1), rest)
