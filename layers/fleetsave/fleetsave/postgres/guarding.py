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
_OWN = re.compile(rb"((?:--[^\n]*\n|\n)*)\\restrict ([A-Za-z0-9]+)\n")


def guarded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a plain dump under a new key in the place of its own, which may be known.

    The guard is the first line whatever stands in the text: psql ends comments and lines where others would not. The length
    stays, for dumps of ours. What `chunks` raises goes through.
    """
    head = b""
    while len(head) < HEAD_BYTES + TAIL_BYTES and (chunk := next(chunks, None)) is not None:
        head += chunk
    own = _OWN.match(head[:HEAD_BYTES])
    length = max(len(own[2]) if own else 0, _LEAST_KEY)
    key = secrets.token_hex(length)[:length].encode()
    yield b"\\restrict " + key + b"\n"
    rest = own[1] + head[own.end() :] if own else head
    for chunk in chunks:
        rest += chunk
        if len(rest) > TAIL_BYTES:
            yield rest[:-TAIL_BYTES]
            rest = rest[-TAIL_BYTES:]
    last = re.search(rb"\n\\unrestrict (%s)\n*$" % own[2], rest) if own else None
    yield rest[: last.start(1)] + key + rest[last.end(1) :] if last else rest
