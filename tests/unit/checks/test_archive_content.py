"""Content is hashed and looked at while it passes, and not kept."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.checks.archive_content import ContentRead


@given(st.lists(st.binary(max_size=30)))
def test_what_passes_comes_out_as_it_went_in_and_is_hashed(chunks: list[bytes]) -> None:
    seen = ContentRead(lambda: None)
    assert list(seen.through(iter(chunks))) == chunks
    assert seen.sha256 == hashlib.sha256(b"".join(chunks)).hexdigest()


@pytest.mark.parametrize("size", [1, 5, 16, 100])
def test_a_database_is_known_by_its_beginning_in_whatever_pieces_it_comes(size: int) -> None:
    content = b"SQLite format 3\0" + bytes(84)
    seen = ContentRead(lambda: None)
    for _ in seen.through(content[start : start + size] for start in range(0, len(content), size)):
        pass
    assert seen.is_database


@pytest.mark.parametrize("content", [b"", b"SQLite format 3", b"sqlite format 3\0", b" SQLite format 3\0"])
def test_nothing_else_is_one(content: bytes) -> None:
    seen = ContentRead(lambda: None)
    list(seen.through(iter([content])))
    assert not seen.is_database


def test_the_time_is_looked_at_for_every_chunk() -> None:
    looks: list[None] = []
    list(ContentRead(lambda: looks.append(None)).through(iter([b"a", b"b", b"c"])))
    assert len(looks) == 3
