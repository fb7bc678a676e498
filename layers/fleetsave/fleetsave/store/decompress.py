"""Stored bytes back to plain bytes, as a stream, to the last byte or with an error."""

from collections.abc import Iterator
from typing import IO, cast

import zstandard

from fleetsave.model.errors import VerificationError
from fleetsave.model.kinds import Compression
from fleetsave.store.frame_walk import FrameWalk, NotFramesError

CHUNK_SIZE = 1 << 20
MAXIMUM_WINDOW = 8 << 20
"""Memory one frame may ask for; ours ask for 4 MiB at most, and what asks for more is not ours."""


class DamagedStreamError(VerificationError):
    """The stored bytes are not what an upload wrote: cut short, altered, or followed by something else.

    Unlike its parent this is a finding about the backup: reading it again gives the same.
    """


def plain_chunks(chunks: Iterator[bytes], compression: Compression, *, target: str = "stream") -> Iterator[bytes]:
    """Yield the plain bytes of a stored stream in chunks of at most 1 MiB, in memory that does not grow.

    Raise DamagedStreamError, naming `target`, if the stream is no sequence of whole zstd frames; what `chunks` raises goes
    through. Without compression the bytes come out as they went in, and only their length and digest can tell damage.
    """
    if compression is Compression.NONE:
        for chunk in chunks:
            for start in range(0, len(chunk), CHUNK_SIZE):
                yield chunk[start : start + CHUNK_SIZE]
        return
    source = _Source(chunks)
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAXIMUM_WINDOW)
    # It asks its source for nothing but read().
    readable = cast(IO[bytes], source)
    try:
        with decompressor.stream_reader(readable, read_size=CHUNK_SIZE, read_across_frames=True) as reader:
            while plain := reader.read(CHUNK_SIZE):
                yield plain
    except (zstandard.ZstdError, NotFramesError) as error:
        raise _damaged(target, str(error)) from error
    if not source.walk.at_boundary:
        raise _damaged(target, "it ends in the middle of a frame")


class _Source:
    """The stored bytes as the decompressor reads them, each walked over on its way."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self.walk = FrameWalk()

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none only at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        piece, self._rest = self._rest[:size], self._rest[size:]
        self.walk.feed(piece)
        return piece


def _damaged(target: str, cause: str) -> DamagedStreamError:
    return DamagedStreamError("decompress", target, cause, "The stored bytes are damaged; use another backup.")
