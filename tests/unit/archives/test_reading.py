"""Members come as Python's own tarfile reads them, from any pieces of a stream, and nothing else ever comes of one."""

import io
import random
import tarfile
import tracemalloc
from collections.abc import Iterator
from itertools import chain, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetsave.archives.errors import MalformedArchiveError
from fleetsave.archives.reading import read_members
from fleetsave.model.manifests import Entry, EntryType
from tests.fixtures.archive_pieces import directory, file, game_folder, hardlink, raw_sparse, sparse_file, symlink
from tests.fixtures.hostile.altering import raw_header
from tests.fixtures.stored_archives import END, assemble

FAITHFUL = assemble(game_folder()).plain
NAMES = st.binary(min_size=1, max_size=150).filter(lambda name: not set(name) & {0, ord("/")} and name not in (b".", b".."))


def in_pieces(plain: bytes, size: int) -> Iterator[bytes]:
    return (plain[start : start + size] for start in range(0, len(plain), size))


def read_all(plain: bytes, size: int = 1 << 20) -> list[tuple[str, bytes, int, bytes]]:
    members = []
    for member in read_members(in_pieces(plain, size), "archive"):
        content = b"".join(member.content)
        assert len(content) == member.info.size
        members.append((member.info.name, member.info.type, member.offset, content))
    return members


def read_by_tarfile(plain: bytes) -> list[tuple[str, bytes, int, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(plain), encoding="utf-8", errors="surrogateescape") as archive:
        found = []
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            found.append((member.name, member.type, member.offset, content.read() if content else b""))
        return found


def members_or_error(plain: bytes) -> int | MalformedArchiveError:
    try:
        return sum(1 for _ in read_members(iter([plain]), "archive"))
    except MalformedArchiveError as error:
        return error


@pytest.mark.parametrize("size", [1, 511, 512, 10_000, 1 << 20])
def test_members_are_those_that_tarfile_reads_whatever_pieces_come(size: int) -> None:
    assert read_all(FAITHFUL, size) == read_by_tarfile(FAITHFUL)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(NAMES, st.binary(max_size=2_000)), max_size=5), st.integers(1, 3_000))
def test_whatever_names_and_contents_come_back_as_they_were(files: list[tuple[bytes, bytes]], size: int) -> None:
    pieces = [directory("files/f"), *(file(f"files/f/{name.decode('utf-8', 'surrogateescape')}", data) for name, data in files)]
    found = read_all(assemble(pieces).plain, size)
    assert [(name.encode("utf-8", "surrogateescape"), data) for name, _, _, data in found[1:-1]] == [
        (b"files/f/" + name, data) for name, data in files
    ]


def test_spans_lie_end_to_end_up_to_the_end_of_the_archive() -> None:
    position = 0
    for member in read_members(iter([FAITHFUL]), "archive"):
        assert member.offset == position
        position += member.span
    assert FAITHFUL[position:] == END


def test_content_that_nobody_reads_is_read_over_even_if_it_is_a_hole_without_an_end() -> None:
    entry = Entry("files/f/lake", EntryType.FILE, size=1 << 62)
    lake = raw_sparse(entry, b"1\n%d\n0\n" % (1 << 62), b"")
    plain = assemble([directory("files/f"), lake, file("files/f/last")]).plain
    assert [member.info.name for member in read_members(iter([plain]), "archive")][-2:] == ["files/f/last", "manifest.jsonl"]


def test_content_that_was_read_in_part_is_read_over_from_there() -> None:
    plain = assemble([directory("files/f"), file("files/f/a", bytes(3 << 20)), file("files/f/b", b"b")]).plain
    members = read_members(in_pieces(plain, 1 << 20), "archive")
    next(members)
    next(next(members).content)
    assert b"".join(next(members).content) == b"b"


def test_holes_come_as_zeros_in_chunks_of_at_most_one_mebibyte() -> None:
    plain = assemble([directory("files/f"), sparse_file("files/f/lake", (5 << 20) + 7, [(1 << 20, b"fish" * 128)])]).plain
    for member in read_members(iter([plain]), "archive"):
        if member.is_sparse:
            chunks = list(member.content)
            assert max(map(len, chunks)) <= 1 << 20
            assert b"".join(chunks) == bytes(1 << 20) + b"fish" * 128 + bytes((4 << 20) - 512 + 7)


def test_a_link_has_no_content() -> None:
    pieces = [directory("files/f"), file("files/f/a"), hardlink("files/f/b", "files/f/a"), symlink("files/f/c", "a")]
    assert [data for _, _, _, data in read_all(assemble(pieces).plain)[2:4]] == [b"", b""]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(FAITHFUL) - 1), st.integers(1, 255))
def test_a_byte_that_was_changed_gives_members_or_one_kind_of_error(position: int, difference: int) -> None:
    plain = bytearray(FAITHFUL)
    plain[position] ^= difference
    outcome = members_or_error(bytes(plain))
    if isinstance(outcome, MalformedArchiveError):
        assert outcome.target == "archive"
        assert "at byte" in outcome.cause
    else:
        assert outcome == len(game_folder()) + 1


def test_no_truncated_archive_comes_to_its_end() -> None:
    chance = random.Random(1)
    for size in [0, 1, 511, 512, len(FAITHFUL) - 1, *(chance.randrange(len(FAITHFUL)) for _ in range(100))]:
        with pytest.raises(MalformedArchiveError, match="cut short"):
            list(read_members(iter([FAITHFUL[:size]]), "archive"))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=4_096))
def test_noise_is_no_archive(noise: bytes) -> None:
    with pytest.raises(MalformedArchiveError):
        list(read_members(iter([noise]), "archive"))


def test_what_the_stream_raises_goes_through() -> None:
    def broken() -> Iterator[bytes]:
        yield FAITHFUL[:5_000]
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        list(read_members(broken(), "archive"))


def test_fifty_thousand_members_are_read_in_memory_that_does_not_grow() -> None:
    header = raw_header("files/f/x")
    tracemalloc.start()
    try:
        stream = chain(repeat(header * 1_000, 50), [END])
        assert sum(1 for _ in read_members(stream, "archive")) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
