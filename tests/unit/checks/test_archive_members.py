"""Members and manifest are read side by side: what differs is named, a few of it, and the rest is not looked at."""

from collections.abc import Callable, Iterator

import pytest

from fleetsave.archives.manifest_reading import ManifestReading
from fleetsave.checks import archive_members
from fleetsave.checks.archive_manifest import ManifestSummary
from fleetsave.checks.archive_members import MemberComparison, MembersRead
from fleetsave.model.manifests import Entry
from fleetsave.model.records import Level, Outcome
from tests.fixtures.archive_pieces import Piece, absent, directory, file, game_folder
from tests.fixtures.hostile.altering import raw_header
from tests.fixtures.stored_archives import TakenArchive, assemble

FAITHFUL = assemble(game_folder())


class Restored:
    """Stands for what restores databases, and tells in which order it was asked."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def restore(self, entry: Entry, content: Iterator[bytes]) -> Callable[[], None]:
        size = sum(map(len, content))
        self.events.append(f"restored {entry.path}: {size} bytes")
        return lambda: self.events.append(f"judged {entry.path}")


def compare(
    taken: TakenArchive,
    chunks: Iterator[bytes] | None = None,
    restored: Restored | None = None,
    in_time: Callable[[], None] = lambda: None,
) -> MembersRead:
    summary = ManifestSummary(link_targets={hash("files/files/config.yml")})
    comparison = MemberComparison(taken.report, summary, (restored or Restored()).restore, in_time)
    manifest = ManifestReading(iter([taken.manifest]), "manifest", maximum=len(taken.manifest))
    return comparison.run(iter([taken.plain]) if chunks is None else chunks, manifest, "archive")


def test_a_faithful_archive_passes_both_questions() -> None:
    findings = archive_members.check(compare(FAITHFUL))
    assert [(finding.check, finding.outcome, finding.level) for finding in findings] == [
        ("archive_members", Outcome.PASSED, Level.RESTORED),
        ("archive_contents", Outcome.PASSED, Level.EQUAL_TO_SOURCE),
    ]
    assert "10 members and the manifest" in findings[0].detail
    assert f"6 files, {FAITHFUL.report.content_size} bytes" in findings[1].detail


def test_contents_that_differ_say_nothing_against_the_members_and_the_other_way_round() -> None:
    contents = archive_members.check(MembersRead(content_faults=["'x' has sha256 y"]))
    assert [finding.outcome for finding in contents] == [Outcome.PASSED, Outcome.FAILED]
    members = archive_members.check(MembersRead(faults=["'x' is missing"]))
    assert [(finding.check, finding.outcome) for finding in members] == [("archive_members", Outcome.FAILED)]


def test_what_is_absent_has_no_member() -> None:
    pieces = [
        directory("files/files"),
        absent("files/files/a", "special"),
        file("files/files/b"),
        absent("files/files/c", "vanished"),
    ]
    assert compare(assemble(pieces)).faults == []


def test_after_ten_faults_the_rest_of_a_stream_without_an_end_is_not_read() -> None:
    headers = 0

    def endless() -> Iterator[bytes]:
        nonlocal headers
        yield directory("files/files").raw
        while True:
            headers += 1
            yield raw_header(f"files/files/{headers:09}")

    read = compare(assemble([directory("files/files")]), endless())
    assert (len(read.faults), headers) == (11, 10)
    assert read.faults[-1] == "the rest was not looked at"


def test_a_database_is_judged_only_once_its_bytes_are_proven() -> None:
    pieces = [
        directory("files/files"),
        file("files/files/a", b"abc", sqlite={}),
        file("files/files/b", b"abc", sqlite={}, sha256="0" * 64),
    ]
    restored = Restored()
    read = compare(assemble(pieces), restored=restored)
    assert restored.events == ["restored files/files/a: 3 bytes", "judged files/files/a", "restored files/files/b: 3 bytes"]
    assert len(read.content_faults) == 1


def test_a_database_of_another_size_is_not_restored_at_all() -> None:
    piece = file("files/files/a", b"abc", sqlite={})
    restored = Restored()
    compare(assemble([directory("files/files"), Piece(file("files/files/a", b"x" * 9_000).raw, piece.entry)]), restored=restored)
    assert restored.events == []


def test_a_raw_copy_of_a_database_is_known_in_whatever_pieces_it_comes() -> None:
    taken = assemble([directory("files/files"), file("files/files/a", b"SQLite format 3\0" + bytes(100))])
    read = compare(taken, iter([bytes([byte]) for byte in taken.plain]))
    assert "not captured through SQLite" in read.content_faults[0]


def test_a_manifest_that_is_replaced_between_two_looks_is_noticed() -> None:
    other = assemble([directory("files/files", detail="x")])
    taken = assemble([directory("files/files")])
    read = compare(TakenArchive(taken.plain, other.manifest, taken.report))
    assert "was replaced while it was read" in read.faults[-1]


def test_the_time_is_looked_at_for_every_member_and_chunk() -> None:
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 5:
            raise TimeoutError("the time is up")

    with pytest.raises(TimeoutError):
        compare(assemble([directory("files/files"), file("files/files/a", bytes(8 << 20))]), in_time=look)


def test_what_the_stream_raises_goes_through() -> None:
    def broken() -> Iterator[bytes]:
        yield FAITHFUL.plain[:3_000]
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        compare(FAITHFUL, broken())
