"""A map of holes is believed only if it is that of the bytes that are stored."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.archives.plain_stream import PlainStream
from fleetsave.archives.sparse import BLOCK, read_extents


def stored(numbers: list[int], data: bytes = b"") -> bytes:
    text = "".join(f"{number}\n" for number in numbers).encode()
    return text + bytes(-len(text) % BLOCK) + data


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=40), st.integers(0, 5), st.integers(0, 511))
def test_data_comes_back_where_it_was(gaps: list[tuple[int, int]], behind: int, less: int) -> None:
    content = b""
    extents: list[tuple[int, bytes]] = []
    for hole, blocks in gaps:
        content += bytes(hole * BLOCK)
        extents.append((len(content), b"%4d" % len(extents) * 128 * blocks))
        content += extents[-1][1]
    content += bytes(behind * BLOCK + less)
    numbers = [len(extents) + 1, *(n for offset, data in extents for n in (offset, len(data))), len(content), 0]
    raw = stored(numbers, b"".join(data for _, data in extents))
    stream = PlainStream(iter([raw]), "archive")
    found = read_extents(stream, size=len(content), stored_size=len(raw))
    assert b"".join(found.content(stream)) == content
    assert stream.at_end


@pytest.mark.parametrize(
    ("numbers", "data", "says"),
    [
        ([2, 0, 512, 0, 512], 1024, "not in order"),
        ([1, 4096, 1], 1, "leads out"),
        ([2, 0, 100, 512, 512], 612, "within a block"),
        ([500_001], 0, "more than 500000"),
        ([2, 0, 512], 512, "where a number should be|no map"),
        ([1, 0, 512], 511, "not that of"),
        ([1, 0, 512], 513, "not that of"),
    ],
)
def test_a_map_that_lies_is_refused(numbers: list[int], data: int, says: str) -> None:
    raw = stored(numbers, bytes(data))
    with pytest.raises(ValueError, match=says):
        read_extents(PlainStream(iter([raw]), "archive"), size=4096, stored_size=len(raw))


@given(st.binary(max_size=1_500))
def test_noise_is_no_map_and_nothing_is_read_beyond_what_is_stored(noise: bytes) -> None:
    stream = PlainStream(iter([noise, b"next member"]), "archive")
    with suppress(ValueError):
        read_extents(stream, size=1 << 40, stored_size=len(noise))
    assert stream.position <= len(noise)
