"""The roles that a dump's text needs on the server: owners, grantees, and whom its policies are for."""

import re
from collections.abc import Iterator, Sequence

_HEADER = re.compile(rb"-- (?:Data for )?Name: .*; Type: ([A-Z ]+); Schema: .*?; Owner: (.*?)(?:; Tablespace: .*)?")
_TOKEN = re.compile(rb"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|[,;()]|[^\s,;()\"']+")
_END_OF_DATA = b"\n\\.\n"
_SESSION = b"SET SESSION AUTHORIZATION "
_GRANTING = ("ACL", "DEFAULT ACL")
_BEFORE_ROLES = {b"TO", b"FROM", b"BY", b"ROLE", b"USER", b"AUTHORIZATION"}
_NOBODY = {b"PUBLIC", b"DEFAULT", b"-", b"", b"CURRENT_USER", b"SESSION_USER", b"CURRENT_ROLE"}


def needed_roles(chunks: Iterator[bytes], codec: str) -> set[str]:
    """Return the names of the roles that a dump's text names where it needs them; `codec` is that of its names.

    Read by what pg_dump's own comments say an entry is, so that a function's body counts only if it feigns such a comment.
    """
    found: set[bytes] = set()
    kind, before = "", b""
    for line in _lines(chunks):
        header = _HEADER.fullmatch(line) if before == b"--" else None
        before = line
        if header is not None:
            kind = header[1].decode()
            if kind not in _GRANTING:
                found.add(_as_written(header[2]))
        elif line.startswith(_SESSION) or _names_roles(kind, line):
            found.update(_roles(line))
    return {_plain(name).decode(codec, "backslashreplace") for name in found if name not in _NOBODY}


def created_roles(statements: Sequence[bytes]) -> set[str]:
    """Return the names of the roles that the statements of a globals object make."""
    tokens = [_TOKEN.findall(one) for one in statements if one.startswith(b"CREATE ROLE ")]
    return {_plain(found[2]).decode("utf-8", "backslashreplace") for found in tokens if len(found) > 2}


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines of a text, but for those of its tables' data."""
    rest, in_data = b"", False
    for chunk in chunks:
        buffer = rest + chunk
        while True:
            if in_data:
                end = buffer.find(_END_OF_DATA)
                if end < 0:
                    rest = buffer[-len(_END_OF_DATA) + 1 :]
                    break
                buffer, in_data = buffer[end + len(_END_OF_DATA) :], False
            line, newline, after = buffer.partition(b"\n")
            if not newline:
                rest = buffer
                break
            # The line break before the data stays: an empty table's end follows it at once.
            in_data = line.endswith(b" FROM stdin;")
            buffer = newline + after if in_data else after
            yield line
    yield rest


def _names_roles(kind: str, line: bytes) -> bool:
    if kind in _GRANTING:
        return line.startswith((b"GRANT ", b"REVOKE ", b"ALTER DEFAULT PRIVILEGES "))
    if kind == "POLICY":
        return line.startswith(b"CREATE POLICY ")
    return kind == "USER MAPPING" and line.startswith(b"CREATE USER MAPPING FOR ")


def _roles(line: bytes) -> Iterator[bytes]:
    """Yield what stands where a role does: after TO, FROM and the like, one or several."""
    tokens = [match[0] for match in _TOKEN.finditer(line)]
    if line.startswith(b"CREATE POLICY "):
        yield from _list_after(tokens, tokens.index(b"TO") if b"TO" in tokens else len(tokens))
        return
    if line.startswith(b"CREATE USER MAPPING "):
        yield from _list_after(tokens, tokens.index(b"FOR"))
        return
    for position, token in enumerate(tokens):
        if token in _BEFORE_ROLES:
            yield from _list_after(tokens, position)


def _list_after(tokens: list[bytes], position: int) -> Iterator[bytes]:
    for name, after in zip(tokens[position + 1 :: 2], [*tokens[position + 2 :: 2], b""], strict=False):
        yield name
        if after != b",":
            return


def _as_written(name: bytes) -> bytes:
    """Return a name as it stands in a comment as it would stand in a statement."""
    return b'"' + name.replace(b'"', b'""') + b'"' if name not in _NOBODY else name


def _plain(name: bytes) -> bytes:
    return name[1:-1].replace(b'""', b'"') if name.startswith(b'"') else name
