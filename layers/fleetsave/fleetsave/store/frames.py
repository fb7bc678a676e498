"""Plain bytes cut into frames: each can be decompressed alone, and all of them in a row are one file to `zstd -d`."""

from collections.abc import Iterator
from dataclasses import dataclass

import zstandard

from fleetsave.model.kinds import Compression

FRAME_SIZE = 4 << 20
"""Plain bytes in a frame; the last one of a stream may hold fewer."""

_LEVEL = 3


@dataclass(frozen=True)
class Frame:
    """One piece of the stream: `plain` as it came, `stored` as it is kept."""

    plain: bytes
    stored: bytes


def frames(chunks: Iterator[bytes], compression: Compression, size: int = FRAME_SIZE) -> Iterator[Frame]:
    """Cut a stream of plain bytes, in whatever pieces it comes, into frames of `size`."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, write_content_size=True)
    for plain in _cut(chunks, size):
        yield Frame(plain, plain if compression is Compression.NONE else compressor.compress(plain))


def _cut(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        view = memoryview(chunk)
        while len(view) > 0:
            room = size - len(waiting)
            waiting += view[:room]
            view = view[room:]
            if len(waiting) == size:
                yield bytes(waiting)
                waiting.clear()
    if waiting:
        yield bytes(waiting)
