"""Small files are taken at rest, and what was not at rest says so."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleetsave.sources.files.server_side import file_content
from fleetsave.sources.files.server_side.file_content import SMALL_FILE, FileContent, StreamedContent, still_content
from fleetsave.sources.files.server_side.sparse import data_segments
from fleetsave.sources.files.server_side.tar_members import MemberMeta

LONG_AGO = 1_000_000_000


def meta_of(status: os.stat_result) -> MemberMeta:
    return MemberMeta(status.st_mode, 0, 0, "", "", status.st_mtime_ns, {})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    made.write_bytes(b"0123456789")
    os.utime(made, (LONG_AGO, LONG_AGO))
    return made


def taken(path: Path) -> FileContent | None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return still_content(descriptor, meta_of)
    finally:
        os.close(descriptor)


def all_of(content: FileContent) -> bytes:
    return b"".join(bytes(piece) if isinstance(piece, int) else piece for piece in content.pieces())


def written_at_each_read(monkeypatch: pytest.MonkeyPatch, write: Callable[[int], object], times: int) -> list[int]:
    """Let somebody write after each of the first reads; returns how many reads there were."""
    reads: list[int] = []
    real = file_content._read_small

    def read(descriptor: int, size: int) -> bytes:
        data = real(descriptor, size)
        reads.append(size)
        if len(reads) <= times:
            write(len(reads))
        return data

    monkeypatch.setattr(file_content, "_read_small", read)
    return reads


def test_a_file_at_rest_is_read_once_more_to_be_sure_of_the_clock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = written_at_each_read(monkeypatch, lambda _: None, 0)
    content = taken(path)
    assert content is not None
    assert (all_of(content), content.problem, content.size) == (b"0123456789", "", 10)
    assert len(reads) == 2  # made just now: its times of change cannot tell two writes apart


def test_a_file_that_was_written_while_it_was_read_is_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = written_at_each_read(monkeypatch, lambda number: path.write_bytes(b"9876543210" * number), 1)
    content = taken(path)
    assert content is not None
    assert (all_of(content), content.problem) == (b"9876543210", "")
    assert len(reads) > 1


def test_a_file_that_never_rests_is_read_four_times_and_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = written_at_each_read(monkeypatch, lambda number: path.write_bytes(b"%010d" % number), 100)
    content = taken(path)
    assert content is not None
    assert content.problem == "changed"
    assert len(reads) == 4


def test_a_log_that_grows_all_the_time_is_taken_as_long_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def append(_: int) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    written_at_each_read(monkeypatch, append, 100)
    content = taken(path)
    assert content is not None
    assert content.problem == "grew"
    assert all_of(content) == b"0123456789" + b"more" * 3


def test_a_file_that_is_not_small_is_left_to_be_streamed(path: Path) -> None:
    os.truncate(path, SMALL_FILE + 1)
    assert taken(path) is None


@pytest.fixture
def with_holes() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        path = Path(folder) / "holes"
        with path.open("wb") as file:
            file.seek(3 << 20)
            file.write(b"x" * 10_000)
            file.truncate(5 << 20)
        yield path


def test_holes_are_told_and_are_no_data(with_holes: Path) -> None:
    descriptor = os.open(with_holes, os.O_RDONLY)
    status = os.fstat(descriptor)
    segments = data_segments(descriptor, status)
    content = StreamedContent(meta_of(status), descriptor, status)
    pieces = list(content.pieces())
    content.close()
    content.close()
    assert segments is not None
    assert sum(length for _, length in segments) < 100_000
    assert sum(len(piece) for piece in pieces if isinstance(piece, bytes)) == sum(length for _, length in segments)
    assert b"".join(bytes(piece) if isinstance(piece, int) else piece for piece in pieces) == with_holes.read_bytes()


def test_a_file_without_holes_has_none(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    assert data_segments(descriptor, os.fstat(descriptor)) is None
    os.close(descriptor)
