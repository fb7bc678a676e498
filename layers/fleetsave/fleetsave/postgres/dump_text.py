"""The text of a dump, read as it flows: is it whole, and what does it hold of each table?

The form is pg_dump's own: every table's data stands as `COPY name (columns) FROM stdin;` after a comment, one line a row, up to
a line of `\\.`; large objects and the values of sequences are calls of functions. A function's body could hold such
lines as well: then this reads it wrongly, but reads it the same way at the source and in the copy.
"""

import hashlib
from dataclasses import dataclass, field

from fleetsave.model.dumps import LARGE_OBJECTS, SEQUENCE_VALUES, Block, DumpText
from fleetsave.postgres.names import read_qualified

_END_OF_DATA = b"\\.\n"
_COMPLETE = b"-- PostgreSQL database dump complete"
_VERSIONS = (b"-- Dumped from database version ", b"-- Dumped by pg_dump version ")
_GUARDS = (b"\\restrict ", b"\\unrestrict ")
_OBJECT = (b"-- Name: ", b"-- Data for Name: ")
_CALLS = {
    b"SELECT pg_catalog.lo_": LARGE_OBJECTS,
    b"SELECT pg_catalog.lowrite(": LARGE_OBJECTS,
    b"SELECT pg_catalog.setval(": SEQUENCE_VALUES,
}
_LONGEST_NAME_LINES = 100
"""Lines that a COPY statement may span: a name may hold a line break, or several."""


@dataclass
class _OpenBlock:
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    rows: int = 0

    def add(self, lines: bytes | memoryview, rows: int) -> None:
        self.digest.update(lines)
        self.rows += rows


class DumpTextReader:
    """Reads one dump; `codec` is Python's name of the encoding that names are written in.

    With `hash_whole` false the SHA-256 of the whole is left to whoever hashes the same bytes anyway, and is empty here.

    `objects` is what the dump says it holds, one line each, as pg_dump's comments have it. `is_complete` tells whether the
    text ends as a whole dump does.
    """

    def __init__(self, codec: str = "utf-8", *, hash_whole: bool = True) -> None:
        self.objects: set[str] = set()
        self._codec = codec
        self._whole = hashlib.sha256() if hash_whole else None
        self._schema = hashlib.sha256()
        self._size = 0
        self._blocks: dict[str, _OpenBlock] = {}
        self._current: _OpenBlock | None = None
        self._statement: list[bytes] = []
        self._rest = b""
        self._before = (b"", b"")
        self._ends_well = False

    @property
    def is_complete(self) -> bool:
        """Tell whether the end marker has come, and nothing of weight after it."""
        return self._ends_well and self._current is None and not self._rest and not self._statement

    def feed(self, chunk: bytes) -> None:
        """Read on."""
        if self._whole is not None:
            self._whole.update(chunk)
        self._size += len(chunk)
        buffer = self._rest + chunk if self._rest else chunk
        position = 0
        while position < len(buffer):
            step = self._read_line if self._current is None else self._read_data
            after = step(buffer, position)
            if after == position:
                break
            position = after
        self._rest = buffer[position:]

    def result(self) -> DumpText:
        """Return what has been read so far."""
        blocks = {name: Block(block.rows, block.digest.hexdigest()) for name, block in self._blocks.items()}
        whole = self._whole.hexdigest() if self._whole is not None else ""
        return DumpText(self._size, whole, self._schema.hexdigest(), blocks)

    def _read_data(self, buffer: bytes, position: int) -> int:
        """Take rows up to the end of the data or of the last whole line, and return the position after them."""
        block = self._current
        assert block is not None  # noqa: S101 - only then this is called
        if buffer.startswith(_END_OF_DATA, position):
            return self._end_data(position)
        # Looking for one byte is ten times quicker than for four, and few lines hold it.
        found = buffer.find(b"\n" + _END_OF_DATA, position) if buffer.find(b"\\", position) >= 0 else -1
        # Without an end the last line is left for later: it may be the beginning of the end.
        until = found + 1 if found >= 0 else buffer.rfind(b"\n", position) + 1
        if until <= position:
            return position
        block.add(memoryview(buffer)[position:until], buffer.count(b"\n", position, until))
        return self._end_data(until) if found >= 0 else until

    def _end_data(self, position: int) -> int:
        self._current = None
        return position + len(_END_OF_DATA)

    def _read_line(self, buffer: bytes, position: int) -> int:
        end = buffer.find(b"\n", position)
        if end < 0:
            return position
        line = buffer[position:end]
        if self._statement or (line.startswith(b"COPY ") and self._before == (b"--", b"")):
            self._go_on_with_statement(line)
        else:
            self._take(line)
        self._before = (self._before[1], line)
        return end + 1

    def _go_on_with_statement(self, line: bytes) -> None:
        self._statement.append(line)
        if line.endswith(b" FROM stdin;"):
            statement = b"\n".join(self._statement)
            self._statement.clear()
            self._schema.update(statement + b"\n")
            name = read_qualified(statement[5:].decode(self._codec, "backslashreplace"))
            self._current = self._block(name or statement[5:100].decode("ascii", "backslashreplace"))
        elif len(self._statement) >= _LONGEST_NAME_LINES:
            lines, self._statement = self._statement, []
            for one in lines:
                self._take(one)

    def _take(self, line: bytes) -> None:
        if line == _COMPLETE and self._before[1] == b"--":
            self._ends_well = True
        elif line not in (b"", b"--") and not line.startswith(_GUARDS):
            self._ends_well = False
        if line.startswith(b"SELECT pg_catalog."):
            name = next((name for call, name in _CALLS.items() if line.startswith(call)), None)
            if name is not None:
                self._block(name).add(line, 1)
                return
        if line.startswith(_OBJECT):
            self.objects.add(line.decode(self._codec, "backslashreplace"))
        if not line.startswith((*_VERSIONS, *_GUARDS)):
            self._schema.update(line + b"\n")

    def _block(self, name: str) -> _OpenBlock:
        return self._blocks.setdefault(name, _OpenBlock())
