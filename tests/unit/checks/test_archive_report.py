"""The record of an archive is whole and contradicts itself nowhere, or it is held against the backup."""

from dataclasses import replace
from typing import Any

import pytest

from fleetsave.checks import archive_report
from fleetsave.model.archives import ArchiveProblem, ManifestReport
from fleetsave.model.records import Finding, Level, Outcome, StoredRecord
from tests.fixtures.archive_records import SHA, archive_record


def only(record: StoredRecord) -> Finding:
    (finding,) = archive_report.check(record)
    return finding


def test_a_faithful_record_passes_and_says_what_is_in_the_archive() -> None:
    finding = only(archive_record())
    assert (finding.outcome, finding.level) == (Outcome.PASSED, Level.COMPLETE)
    assert "100 files of 10000 bytes, 10 folders, 4 links, 1 databases" in finding.detail


def test_an_archive_that_was_made_on_our_side_passes_too() -> None:
    record = archive_record()
    assert only(replace(record, capture=replace(record.archive, sha256_origin="collector"))).outcome is Outcome.PASSED


KEY = archive_record().archive.manifest.key
PROBLEM = ArchiveProblem("files/files/x", "unreadable", "no permission")
REPORT: dict[str, tuple[dict[str, Any], str]] = {
    "snapshot": ({"snapshot_id": ""}, "snapshot_id is missing"),
    "method": ({"method": ""}, "method is missing"),
    "runtime": ({"runtime": ""}, "runtime is missing"),
    "seconds": ({"seconds": float("nan")}, "seconds is nan"),
    "no time": ({"seconds": -1.0}, "seconds is -1.0"),
    "origin": ({"sha256_origin": "somebody"}, "sha256_origin is 'somebody'"),
    "sha256": ({"sha256": "x"}, "sha256 is missing"),
    "half a block": ({"size": 20_481}, "20481 bytes are no whole archive"),
    "too small": ({"size": 1_536}, "1536 bytes are no whole archive"),
    "files": ({"files": -1}, "files is -1"),
    "folders": ({"directories": -1}, "directories is -1"),
    "links": ({"links": -1}, "links is -1"),
    "content": ({"content_size": -1}, "content_size is -1"),
    "a hole beyond reason": ({"content_size": 1 << 50}, "cannot have been hashed in 2.0 s"),
    "a database twice": ({"databases": ["a", "a"]}, "a database is named twice"),
    "more databases than files": ({"files": 0}, "or is no file"),
    "an unknown problem": ({"problems": {"dragons": 1}, "named": [PROBLEM]}, "unknown problems, or none of a problem: dragons"),
    "none of a problem": ({"problems": {"unreadable": 0}}, "none of a problem"),
    "more named than counted": ({"named": [PROBLEM]}, "0 problems are counted, 1 named"),
    "another's manifest": ({"manifest": ManifestReport("servers/x", SHA, 9)}, "its manifest is 'servers/x', not beside it"),
    "no manifest's sha256": ({"manifest": ManifestReport(KEY, "", 9)}, "sha256 or size of the manifest"),
    "no manifest's size": ({"manifest": ManifestReport(KEY, SHA, 0)}, "sha256 or size of the manifest"),
    "a manifest beyond reason": ({"manifest": ManifestReport(KEY, SHA, 3 << 30)}, "beyond reason"),
}


@pytest.mark.parametrize("name", REPORT)
def test_what_is_missing_or_contradicts_is_named(name: str) -> None:
    values, says = REPORT[name]
    record = archive_record()
    finding = only(replace(record, capture=replace(record.archive, **values)))
    assert (finding.outcome, finding.level) == (Outcome.FAILED, Level.COMPLETE)
    assert says in finding.detail


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"key": "nothing"}, "its key is not the key of a backup"),
        ({"kind": "full"}, "kind"),
        ({"plain_size": 1}, "1 bytes were stored of 20480 captured"),
        ({"source_path": "/elsewhere"}, "the path captured is not the path asked for"),
        ({"parts": []}, "no parts are recorded"),
    ],
)
def test_the_record_around_it_is_asked_too(values: dict[str, Any], says: str) -> None:
    finding = only(replace(archive_record(), **values))
    assert finding.outcome is Outcome.FAILED
    assert says in finding.detail
