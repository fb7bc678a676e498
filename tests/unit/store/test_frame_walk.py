"""Where frames begin and end is known at every byte."""

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.store.frame_walk import FrameWalk, NotFramesError


def boundaries(data: bytes) -> list[int]:
    walk, found = FrameWalk(), []
    for count in range(1, len(data) + 1):
        walk.feed(data[count - 1 : count])
        if walk.at_boundary:
            found.append(count)
    return found


@given(
    plains=st.lists(st.binary(max_size=400), min_size=1, max_size=4),
    checksum=st.booleans(),
    content_size=st.booleans(),
    level=st.sampled_from([-5, 1, 3, 19]),
)
def test_a_boundary_is_after_each_frame_and_nowhere_else(
    plains: list[bytes], level: int, *, checksum: bool, content_size: bool
) -> None:
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=checksum, write_content_size=content_size)
    ends, stored = [], b""
    for plain in plains:
        stored += compressor.compress(plain * 20)
        ends.append(len(stored))
    assert boundaries(stored) == ends


def test_frames_of_every_size_of_header_are_walked() -> None:
    for size in (0, 1, 255, 256, 65_535, 65_792, 5_000_000):
        walk = FrameWalk()
        stored = zstandard.ZstdCompressor().compress(bytes(size))
        walk.feed(stored[:-1])
        assert not walk.at_boundary
        walk.feed(stored[-1:])
        assert walk.at_boundary


def test_skippable_frames_count_as_frames() -> None:
    assert boundaries(bytes.fromhex("5f2a4d1802000000") + b"xy" + bytes.fromhex("502a4d1800000000")) == [10, 18]


@pytest.mark.parametrize("data", [b"\0\0\0\0", b"SQLite format 3\0", bytes.fromhex("28b52ffd0000070000")])
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(NotFramesError):
        FrameWalk().feed(data)


def test_a_stream_may_end_before_it_begins() -> None:
    assert FrameWalk().at_boundary
