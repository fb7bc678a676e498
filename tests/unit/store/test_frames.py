"""Frames are cut at the same places whatever the stream comes in, and each stands alone."""

import os
from collections.abc import Iterator

import pytest
import zstandard

from fleetsave.model.kinds import Compression
from fleetsave.store.frames import FRAME_SIZE, frames


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def test_every_frame_stands_alone_with_its_length_and_checksum() -> None:
    for frame in frames(pieces(os.urandom(1000) * 10, 999), Compression.ZSTD, 4096):
        facts = zstandard.get_frame_parameters(frame.stored)
        assert facts.content_size == len(frame.plain)
        assert facts.has_checksum
        assert zstandard.ZstdDecompressor().decompress(frame.stored) == frame.plain


@pytest.mark.parametrize("piece", [1, 63, 64, 65, 1000])
def test_frames_do_not_depend_on_the_pieces_that_come(piece: int) -> None:
    plain = os.urandom(64 * 3 + 1)
    assert [frame.plain for frame in frames(pieces(plain, piece), Compression.NONE, 64)] == list(pieces(plain, 64))


def test_a_frame_is_ready_before_the_next_is_read() -> None:
    def two() -> Iterator[bytes]:
        yield bytes(FRAME_SIZE)
        raise AssertionError("it read on")

    assert len(next(frames(two(), Compression.ZSTD)).plain) == FRAME_SIZE


def test_uncompressed_frames_are_kept_as_they_came() -> None:
    frame = next(frames(iter([b"content"]), Compression.NONE))
    assert frame.stored == frame.plain == b"content"
