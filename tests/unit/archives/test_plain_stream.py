"""Whatever chunks come, exactly what is asked for is read, and never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.archives.errors import MalformedArchiveError
from fleetsave.archives.plain_stream import PlainStream


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(0, 30)))
def test_what_is_read_is_what_came_in_its_order(chunks: list[bytes], sizes: list[int]) -> None:
    whole = b"".join(chunks)
    stream = PlainStream(iter(chunks), "archive")
    position = 0
    for size in sizes:
        if position + size > len(whole):
            with pytest.raises(MalformedArchiveError, match="cut short"):
                stream.read(size)
            return
        assert stream.read(size) == whole[position : position + size]
        position += size
        assert stream.position == position
    assert stream.at_end is (position == len(whole))


def test_large_pieces_are_cut_to_one_mebibyte() -> None:
    stream = PlainStream(iter([bytes(3 << 20)]), "archive")
    assert [len(piece) for piece in stream.pieces((2 << 20) + 1)] == [1 << 20, 1 << 20, 1]


def test_no_more_chunks_are_asked_for_than_are_needed() -> None:
    chunks = iter([b"abc", b"def", b"ghi"])
    stream = PlainStream(chunks, "archive")
    stream.skip(4)
    assert next(chunks) == b"ghi"
