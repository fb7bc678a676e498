"""The plain bytes of an archive, taken from a stream of chunks in pieces of any size."""

from collections.abc import Iterator

from fleetsave.archives.errors import malformed

CHUNK_SIZE = 1 << 20


class PlainStream:
    """Reads exactly as much as is asked for; `position` is how many bytes that were. `target` names it in errors."""

    def __init__(self, chunks: Iterator[bytes], target: str) -> None:
        self._chunks = chunks
        self._chunk = b""
        self._at = 0
        self.target = target
        self.position = 0

    def read(self, size: int) -> bytes:
        """Return `size` bytes; meant for headers, which are small. Raise MalformedArchiveError if the stream ends before."""
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the next `size` bytes in pieces of at most 1 MiB. Raise MalformedArchiveError if the stream ends before."""
        while size:
            if not self._fill():
                raise malformed(self.target, self.position, f"it is cut short: {size} bytes more were to come")
            piece = self._chunk[self._at : self._at + min(size, CHUNK_SIZE)]
            self._at += len(piece)
            self.position += len(piece)
            size -= len(piece)
            yield piece

    def skip(self, size: int) -> None:
        """Read over `size` bytes."""
        for _ in self.pieces(size):
            pass

    @property
    def at_end(self) -> bool:
        """Tell whether there is not one byte more."""
        return not self._fill()

    def _fill(self) -> bool:
        while self._at == len(self._chunk):
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._chunk, self._at = chunk, 0
        return True
