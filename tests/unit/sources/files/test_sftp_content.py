"""Files over SFTP: what was not at rest is read again, or says so."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetsave.sources.files.server_side.file_content import SMALL_FILE, FileContent
from fleetsave.sources.files.server_side.tar_members import MemberMeta
from fleetsave.sources.files.sftp_content import SftpContent, small_content
from fleetsave.transports.sftp import Attributes, SftpSession, SftpStatusError
from tests.fakes.fake_transport import FakeProcess

LONG_AGO = 1_000_000_000


def meta_of(attributes: Attributes) -> MemberMeta:
    return MemberMeta(attributes.mode, 0, 0, "", "", 0, {})


class WatchedSession(SftpSession):
    """A session in which something happens after each read."""

    after_read: Callable[[int], object] = staticmethod(lambda _: None)
    reads = 0

    def read(self, path: bytes, offset: int, length: int) -> Iterator[bytes]:
        yield from super().read(path, offset, length)
        self.reads += 1
        self.after_read(self.reads)


@pytest.fixture
def session() -> Iterator[WatchedSession]:
    process = FakeProcess(["/usr/lib/openssh/sftp-server"])
    yield WatchedSession(process, "here", stall_seconds=5)
    process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    made.write_bytes(b"0123456789")
    return made


def small(session: SftpSession, path: Path) -> FileContent | None:
    return small_content(session, bytes(path), meta_of, pause=0)


def all_of(content: FileContent) -> bytes:
    return b"".join(bytes(piece) if isinstance(piece, int) else piece for piece in content.pieces())


def test_a_file_written_lately_is_read_twice_and_taken_if_both_are_alike(session: WatchedSession, path: Path) -> None:
    content = small(session, path)
    assert content is not None
    assert (all_of(content), content.problem, session.reads) == (b"0123456789", "", 2)


def test_a_file_at_rest_for_long_is_read_once(session: WatchedSession, path: Path) -> None:
    os.utime(path, (LONG_AGO, LONG_AGO))
    content = small(session, path)
    assert content is not None
    assert (content.problem, session.reads) == ("", 1)


def test_one_that_is_written_each_time_is_named(session: WatchedSession, path: Path) -> None:
    session.after_read = lambda number: path.write_bytes(b"%010d" % number)
    content = small(session, path)
    assert content is not None
    assert (content.problem, session.reads) == ("changed", 4)


def test_one_that_grows_each_time_is_named_and_taken_as_long_as_it_was(session: WatchedSession, path: Path) -> None:
    session.after_read = lambda number: path.write_bytes(b"x" * (10 + number))
    content = small(session, path)
    assert content is not None
    assert (content.problem, content.size) == ("grew", 13)


def test_one_that_is_not_small_is_left_to_be_streamed(session: WatchedSession, path: Path) -> None:
    path.write_bytes(bytes(SMALL_FILE + 1))
    assert small(session, path) is None


def streamed(session: SftpSession, path: Path) -> SftpContent:
    before = session.lstat(bytes(path))
    return SftpContent(meta_of(before), session, bytes(path), before)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda _: None, ""),
        (lambda path: path.write_bytes(bytes(9_000_000)), "shrunk"),
        (lambda path: path.write_bytes(bytes(11_000_000)), "grew"),
        (lambda path: path.chmod(0o600), "changed"),
    ],
)
def test_a_large_file_is_as_long_as_it_was_and_says_what_became_of_it(
    session: WatchedSession, path: Path, change: Any, problem: str
) -> None:
    path.write_bytes(bytes(10_000_000))
    content = streamed(session, path)
    change(path)
    assert len(all_of(content)) == content.size == 10_000_000
    assert content.problem == problem


def test_a_large_file_that_is_gone_once_it_was_read_is_whole_and_named(session: WatchedSession, path: Path) -> None:
    path.write_bytes(b"x" * 2_000_000)
    content = streamed(session, path)
    session.after_read = lambda _: path.unlink()
    assert all_of(content) == b"x" * 2_000_000
    assert content.problem == "changed"


def test_a_large_file_that_cannot_be_read_any_more_is_filled_up_and_named(session: WatchedSession, path: Path) -> None:
    path.write_bytes(b"x" * 2_000_000)
    content = streamed(session, path)
    path.unlink()
    path.mkdir()
    assert all_of(content) == bytes(2_000_000)
    assert content.problem == "shrunk"


def test_a_small_file_that_is_gone_is_an_error_to_be_named(session: WatchedSession, tmp_path: Path) -> None:
    with pytest.raises(SftpStatusError):
        small(session, tmp_path / "gone")
