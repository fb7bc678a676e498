"""Where zstd frames begin and end, found by walking their headers (RFC 8878, section 3.1) without decompressing anything.

The decompressor itself keeps silent when a stream ends in the middle of a frame; this is how we know.
"""

from collections.abc import Generator

_MAGIC = 0xFD2FB528
_SKIPPABLE_MAGIC = 0x184D2A50
_DICTIONARY_ID_SIZES = (0, 1, 2, 4)
_CONTENT_SIZE_SIZES = (0, 2, 4, 8)
_RUN_LENGTH, _RESERVED = 1, 3
_LARGEST_HEADER = 16
"""What is asked for in one piece is at most this; longer stretches are walked over, not kept."""


class NotFramesError(ValueError):
    """These bytes are not zstd frames."""


class FrameWalk:
    """Follows a stream of frames, in whatever pieces it comes."""

    def __init__(self) -> None:
        self._between_frames = True
        self._steps = self._walk()
        self._wanted = next(self._steps)
        self._walked = 0
        self._header = bytearray()

    @property
    def at_boundary(self) -> bool:
        """Tell whether the stream may end here: no frame has begun that has not ended."""
        return self._between_frames and self._walked == 0

    def feed(self, data: bytes) -> None:
        """Walk over the next bytes. Raise NotFramesError as soon as they cannot be frames."""
        position = 0
        while position < len(data):
            piece = data[position : position + self._wanted - self._walked]
            position += len(piece)
            self._walked += len(piece)
            if self._wanted <= _LARGEST_HEADER:
                self._header += piece
            if self._walked == self._wanted:
                self._wanted = self._steps.send(bytes(self._header))
                self._walked = 0
                self._header.clear()

    def _walk(self) -> Generator[int, bytes, None]:
        """Yield how many bytes come next, and get them back if they are few enough to be a header."""
        while True:
            self._between_frames = True
            magic = _number((yield 4))
            self._between_frames = False
            if magic == _MAGIC:
                yield from self._frame()
            elif magic & ~0xF == _SKIPPABLE_MAGIC:
                if size := _number((yield 4)):
                    yield size
            else:
                raise NotFramesError(f"{magic:#010x} begins no zstd frame")

    def _frame(self) -> Generator[int, bytes, None]:
        descriptor = _number((yield 1))
        single_segment = bool(descriptor & 0x20)
        content_size = _CONTENT_SIZE_SIZES[descriptor >> 6] or int(single_segment)
        if rest := int(not single_segment) + _DICTIONARY_ID_SIZES[descriptor & 3] + content_size:
            yield rest
        last = False
        while not last:
            block = _number((yield 3))
            last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
            if kind == _RESERVED:
                raise NotFramesError("a block is of the reserved type")
            if size := 1 if kind == _RUN_LENGTH else size:
                yield size
        if descriptor & 4:
            yield 4


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
