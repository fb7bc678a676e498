"""Checksums are asked of the bytes that were read back: as unpacked, as a whole, and part by part."""

from dataclasses import replace

import pytest

from fleetsave.checks import checksum
from fleetsave.checks.checksum import ReadBack
from fleetsave.model.kinds import Compression
from fleetsave.model.records import Finding, Level, Outcome, PartRecord, StoredRecord
from tests.fixtures.stored_backups import NOW, capture_report

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
RECORD = StoredRecord(
    key="servers/server_001/database/server_001_20240101_120000_database.db.zst",
    server_id="server_001",
    kind="database",
    artifact="database",
    slot="20240101_120000",
    compression=Compression.ZSTD,
    plain_sha256=A,
    plain_size=100,
    stored_sha256=B,
    stored_size=30,
    etag="never looked at",
    parts=[PartRecord(1, 20, "", C, 60), PartRecord(2, 10, "", A, 100)],
    capture=capture_report(b"", None),
    started_at=NOW,
    finished_at=NOW,
    fleetsave_version="0.1.0",
    restore_by_hand=[],
    source_path="/srv/game.db",
)
READ = ReadBack(stored_size=30, stored_sha256=B, part_sha256=[C, A], plain_size=100, plain_sha256=A)


def by_name(record: StoredRecord, read: ReadBack) -> dict[str, Finding]:
    return {finding.check: finding for finding in checksum.check(record, read)}


def test_equal_digests_pass_as_stored_and_as_unpacked() -> None:
    findings = checksum.check(RECORD, READ)
    assert {finding.check for finding in findings} == {"stored_bytes", "checksum"}
    assert {(finding.outcome, finding.level) for finding in findings} == {(Outcome.PASSED, Level.CHECKSUM)}


@pytest.mark.parametrize(
    ("read", "says"),
    [
        (replace(READ, plain_sha256=B), f"the source's was {A}"),
        (replace(READ, plain_size=99), "99 bytes unpacked, 100 were captured"),
        (replace(READ, problem="it does not unpack: checksum", plain_size=7), "after 7 of 100 bytes"),
    ],
)
def test_other_plain_bytes_than_the_sources_fail(read: ReadBack, says: str) -> None:
    finding = by_name(RECORD, read)["checksum"]
    assert finding.outcome is Outcome.FAILED
    assert says in finding.detail


@pytest.mark.parametrize(
    ("read", "says"),
    [
        (replace(READ, stored_size=29), "29 bytes are stored, 30 were uploaded"),
        (replace(READ, stored_size=31), "at least 31 bytes are stored"),
        (replace(READ, part_sha256=[C, B]), "damaged parts: 2 of 2"),
        (replace(READ, part_sha256=[C]), "2 parts are recorded"),
        (replace(READ, stored_sha256=A), "sha256 of the stored bytes"),
    ],
)
def test_other_stored_bytes_than_were_uploaded_fail(read: ReadBack, says: str) -> None:
    finding = by_name(RECORD, read)["stored_bytes"]
    assert finding.outcome is Outcome.FAILED
    assert says in finding.detail


def test_an_upload_of_two_runs_has_no_digest_of_the_whole_and_its_parts_suffice() -> None:
    record = replace(RECORD, stored_sha256=None)
    assert by_name(record, READ)["stored_bytes"].outcome is Outcome.PASSED
    assert by_name(record, replace(READ, part_sha256=[B, A]))["stored_bytes"].outcome is Outcome.FAILED


def test_many_damaged_parts_are_counted_and_the_first_named() -> None:
    record = replace(RECORD, parts=[PartRecord(number, 1, "", A, number) for number in range(1, 31)])
    detail = by_name(record, replace(READ, part_sha256=[B] * 30))["stored_bytes"].detail
    assert detail == "damaged parts: 1, 2, 3, 4, 5 and 25 more of 30"
