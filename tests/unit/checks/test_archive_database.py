"""A database inside an archive is asked all that one alone is asked, under its member's name."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleetsave.checks import archive_database
from fleetsave.model.errors import VerificationError
from fleetsave.model.manifests import Entry
from fleetsave.model.records import Finding, Level, Outcome
from tests.fixtures.archive_pieces import database, database_content
from tests.fixtures.hostile.altering import told_of

NAME = "databases/world.db"


@pytest.fixture
def restored(tmp_path: Path) -> tuple[Entry, Path]:
    content, fingerprint = database_content(tmp_path)
    path = tmp_path / "restored.db"
    path.write_bytes(content)
    return told_of(database(NAME, content, fingerprint)), path


def check(restored: tuple[Entry, Path], **values: Any) -> dict[str, Finding]:
    entry, path = restored
    found = archive_database.check(replace(entry, sqlite={**(entry.sqlite or {}), **values}), path, seconds=30)
    return {finding.check.removeprefix(f"{NAME}: "): finding for finding in found}


def test_a_sound_database_passes_every_question(restored: tuple[Entry, Path]) -> None:
    findings = check(restored)
    assert set(findings) == {"sqlite_header", "integrity", "tables", "foreign_keys", "row_counts", "schema", "owner:gold"}
    assert {finding.outcome for finding in findings.values()} == {Outcome.PASSED}
    assert findings["schema"].level is Level.EQUAL_TO_SOURCE


@pytest.mark.parametrize(
    ("values", "check_name"),
    [
        ({"sha256": "0" * 64}, "capture_report"),
        ({"size": 4096, "page_count": 1}, "capture_report"),
        ({"page_size": 1000}, "capture_report"),
        ({"snapshot_id": ""}, "capture_report"),
        ({"snapshot_id": 7}, "capture_report"),
        ({"seconds": float("inf")}, "capture_report"),
        ({"fingerprint": {"row_counts": {"players": 1}, "schema_sha256": ""}}, "row_counts"),
        ({"fingerprint": "none"}, "capture_report"),
    ],
)
def test_a_report_that_is_not_its_own_is_held_against_it(
    restored: tuple[Entry, Path], values: dict[str, Any], check_name: str
) -> None:
    assert check(restored, **values)[check_name].outcome is Outcome.FAILED


def test_without_a_fingerprint_it_is_restored_and_no_more(restored: tuple[Entry, Path]) -> None:
    findings = check(restored, fingerprint=None)
    assert findings["integrity"].outcome is Outcome.PASSED
    assert findings["fingerprint"].outcome is Outcome.SKIPPED


def test_checks_that_take_too_long_are_no_finding(restored: tuple[Entry, Path]) -> None:
    entry, path = restored
    with pytest.raises(VerificationError, match="took longer"):
        archive_database.check(entry, path, seconds=0)


def test_no_finding_holds_what_no_record_can(restored: tuple[Entry, Path]) -> None:
    entry, path = restored
    for finding in archive_database.check(replace(entry, path="files/f/\udcff.db", sqlite={}), path, seconds=30):
        assert (finding.check + finding.detail).isascii()
