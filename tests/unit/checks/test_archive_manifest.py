"""The manifest beside an archive is the one that was written, and counts what the report counts."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fleetsave.archives.manifest_reading import ManifestReading
from fleetsave.checks import archive_manifest
from fleetsave.checks.archive_manifest import ManifestSummary
from fleetsave.model.archives import ArchiveReport
from fleetsave.model.errors import ObjectNotFoundError, StoreError, VerificationError
from fleetsave.model.records import Finding, Level, Outcome
from tests.fixtures.archive_pieces import Piece, absent, file, game_folder, hardlink, symlink
from tests.fixtures.stored_archives import assemble

TAKEN = assemble([*game_folder(), absent("files/files/zz", "unreadable"), symlink("files/files/zzz", "/etc")])
REPORT = replace(TAKEN.report, manifest=replace(TAKEN.report.manifest, key="beside"))


def judge(report: ArchiveReport, chunks: Iterator[bytes]) -> tuple[Finding, ManifestSummary]:
    (finding,), summary = archive_manifest.check(report, ManifestReading(chunks, "beside", maximum=report.manifest.size))
    assert finding.level is Level.CHECKSUM
    return finding, summary


def test_the_manifest_that_was_written_passes_and_is_summed_up() -> None:
    finding, summary = judge(REPORT, iter([TAKEN.manifest]))
    assert finding.outcome is Outcome.PASSED
    assert "11 members" in finding.detail
    assert (summary.members, summary.problems) == (11, {"unreadable": 1})
    assert summary.links_out == ["'files/files/zzz' to '/etc'"]
    assert summary.link_targets == {hash("files/files/config.yml")}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"files": 1}, "it names 6 files, the report 1"),
        ({"directories": 1}, "it names 2 folders, the report 1"),
        ({"links": 1}, "it names 3 links, the report 1"),
        ({"content_size": 1}, "bytes of content, the report 1"),
        ({"databases": ["x"]}, "it names 0 databases, the report 1"),
        ({"problems": {}}, "its problems are {'unreadable': 1}, the report's {}"),
        ({"snapshot_id": "6" * 32}, "it is that of snapshot '5555"),
        ({"manifest": replace(REPORT.manifest, sha256="0" * 64)}, "were written"),
        ({"manifest": replace(REPORT.manifest, size=REPORT.manifest.size + 1)}, "were written"),
    ],
)
def test_where_report_and_manifest_differ_is_named(values: dict[str, Any], says: str) -> None:
    finding, _ = judge(replace(REPORT, **values), iter([TAKEN.manifest]))
    assert finding.outcome is Outcome.FAILED
    assert says in finding.detail


def test_databases_of_other_names_are_not_those_of_the_report() -> None:
    taken = assemble([file("files/files/x", sqlite={})])
    report = replace(taken.report, databases=["files/files/y"])
    assert "its databases are not those of the report" in judge(report, iter([taken.manifest]))[0].detail


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ObjectNotFoundError("read", "beside", "no such object", "Look."), False),
        (StoreError("read", "beside", "broken", "Wait.", retryable=True), True),
    ],
)
def test_a_manifest_that_is_gone_is_a_finding_and_a_store_that_fails_is_none(error: Exception, passes: bool) -> None:
    def broken() -> Iterator[bytes]:
        yield TAKEN.manifest[:100]
        raise error

    if passes:
        with pytest.raises(StoreError, match="broken"):
            judge(REPORT, broken())
    else:
        assert judge(REPORT, broken())[0].detail == "there is no object at beside"


def test_more_hard_links_than_can_be_followed_are_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_manifest, "_MAXIMUM_TARGETS", 2)
    two, three = (assemble(_links(count)) for count in (2, 3))
    judge(two.report, iter([two.manifest]))
    with pytest.raises(VerificationError, match="more than 2 files"):
        judge(three.report, iter([three.manifest]))


def _links(count: int) -> list[Piece]:
    return [hardlink(f"files/f/{number}", f"files/f/target{number}") for number in range(count)]
