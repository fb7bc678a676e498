"""Files with holes: what is stored of them, and where the holes are (GNU tar, sparse format 1.0).

The stored bytes begin with a map in decimal lines: how many extents there are, then offset and size of each; zeros fill up
its last block.
"""

from array import array
from collections.abc import Iterator

from fleetsave.archives.plain_stream import CHUNK_SIZE, PlainStream

BLOCK = 512
MAXIMUM_EXTENTS = 500_000
"""The map is held in memory, 16 bytes for each. A file of more holes is captured without them."""

_LONGEST_LINE = 20
_ZEROS = bytes(CHUNK_SIZE)


class Extents:
    """Where a file of `size` bytes has content; the rest are holes. `stored` is how many bytes that content has."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.stored = 0
        self._numbers = array("Q")
        self._end = 0

    def add(self, offset: int, size: int) -> None:
        """Add the next one. Raise ValueError if it begins before the last one's end, or ends after the file's.

        Only the last one with content may end within a block: GNU tar fills each up to a whole block, Python's tarfile none.
        """
        if offset < self._end or offset + size > self.size:
            raise ValueError(f"its sparse map is not in order, or leads out of its {self.size} bytes")
        if size and self.stored % BLOCK:
            raise ValueError("an extent of its sparse map ends within a block")
        self._numbers.extend((offset, size))
        self._end = offset + size
        self.stored += size

    def content(self, stream: PlainStream) -> Iterator[bytes]:
        """Yield the file as a restore has it, in chunks of at most 1 MiB; holes are zeros, never made at once."""
        position = 0
        for at in range(0, len(self._numbers), 2):
            offset, size = self._numbers[at], self._numbers[at + 1]
            yield from _zeros(offset - position)
            yield from stream.pieces(size)
            position = offset + size
        yield from _zeros(self.size - position)


def read_extents(stream: PlainStream, *, size: int, stored_size: int) -> Extents:
    """Read the map of a file of `size` bytes, of which `stored_size` are stored, the map among them.

    Raise ValueError, saying what is wrong, if it is no map or one of another file.
    """
    began = stream.position
    lines = _Lines(stream, began + stored_size)
    extents = Extents(size)
    count = lines.number()
    if count > MAXIMUM_EXTENTS:
        raise ValueError(f"its sparse map has {count} extents, more than {MAXIMUM_EXTENTS}")
    for _ in range(count):
        extents.add(lines.number(), lines.number())
    if stream.position - began + extents.stored != stored_size:
        raise ValueError(f"its sparse map is not that of the {stored_size} bytes that are stored")
    return extents


class _Lines:
    """The numbers of a map, which is read block by block and not beyond `end`."""

    def __init__(self, stream: PlainStream, end: int) -> None:
        self._stream = stream
        self._end = end
        self._rest = b""

    def number(self) -> int:
        while b"\n" not in self._rest:
            if len(self._rest) > _LONGEST_LINE or self._stream.position + BLOCK > self._end:
                raise ValueError("its sparse map is cut short, or no map")
            self._rest += self._stream.read(BLOCK)
        line, _, self._rest = self._rest.partition(b"\n")
        if not (line.isdigit() and len(line) <= 19):
            raise ValueError(f"its sparse map says {line[:40]!r} where a number should be")
        return int(line)


def _zeros(size: int) -> Iterator[bytes]:
    while size > 0:
        piece = _ZEROS if size >= CHUNK_SIZE else _ZEROS[:size]
        size -= len(piece)
        yield piece
