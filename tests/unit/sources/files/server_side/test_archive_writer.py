"""What is written is what the report tells, and a member that breaks off breaks all of it."""

import hashlib
import io
import tarfile
from collections.abc import Iterator

import pytest

from fleetsave.sources.files.server_side.archive_writer import LARGEST_NAMED, MOST_NAMED, ArchiveWriter
from fleetsave.sources.files.server_side.file_content import FileContent, StillContent
from fleetsave.sources.files.server_side.tar_members import MemberMeta
from fleetsave.sources.sqlite.server_side.ground import RefusedError

META = MemberMeta(0o644, 1, 2, "game", "games", 1_700_000_000_000_000_001, {"user.a": b"\xff"})


def ended(writer: ArchiveWriter) -> bytes:
    writer.begin_manifest(META)
    written = b"".join(writer.rest())
    written += b"".join(writer.manifest())
    writer.end()
    return written + b"".join(writer.rest())


def test_the_report_tells_size_and_digest_of_all_that_was_written() -> None:
    writer = ArchiveWriter("0" * 32)
    writer.directory("files/a", META)
    written = b"".join(writer.file("files/a/b", StillContent(META, b"x" * 1_000_000)))
    writer.symlink("files/a/c", META, "b")
    writer.hard_link("files/a/d", META, "files/a/b")
    written += ended(writer)
    report = writer.report()
    assert (report["size"], report["sha256"]) == (len(written), hashlib.sha256(written).hexdigest())
    assert (report["files"], report["directories"], report["links"], report["content_size"]) == (1, 1, 2, 1_000_000)
    with tarfile.open(fileobj=io.BytesIO(written)) as archive:
        assert archive.getnames() == ["files/a", "files/a/b", "files/a/c", "files/a/d", "manifest.jsonl"]


def test_nothing_is_handed_on_in_pieces_larger_than_a_frame() -> None:
    writer = ArchiveWriter("0" * 32)
    pieces = list(writer.file("files/a", StillContent(META, bytes(1_000_000))))
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 256 << 10


class Breaking(FileContent):
    """A file whose disk fails in the middle."""

    def pieces(self) -> Iterator[bytes | int]:
        yield b"begun"
        raise OSError(5, "Input/output error")


def test_a_member_that_breaks_off_is_no_archive() -> None:
    writer = ArchiveWriter("0" * 32)
    with pytest.raises(RefusedError) as refused:
        list(writer.file("files/a", Breaking(META, 100)))
    assert (refused.value.reason, refused.value.cause) == ("io_error", "files/a: Input/output error")


@pytest.mark.parametrize("name", ["files/a", "files/" + "\udcff" * 4000])
def test_all_problems_are_counted_and_only_so_many_named_as_fit_in_a_frame(name: str) -> None:
    writer = ArchiveWriter("0" * 32)
    for _ in range(1000):
        writer.absent(name, "unreadable", "Permission denied")
    report = writer.report()
    assert report["problems"] == {"unreadable": 1000}
    assert 0 < len(report["named"]) <= MOST_NAMED
    assert sum(len(one["path"]) for one in report["named"]) <= LARGEST_NAMED
