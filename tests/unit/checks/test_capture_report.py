"""A capture report counts only if nothing is missing from it and nothing in it contradicts anything else."""

from dataclasses import replace
from datetime import timedelta
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest

from fleetsave.checks import capture_report
from fleetsave.model.kinds import Compression
from fleetsave.model.records import Level, Outcome, StoredRecord
from tests.fixtures.stored_backups import Room, make_database


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[Compression, StoredRecord]:
    folder = tmp_path_factory.mktemp("reports")
    database = make_database(folder / "world.db")
    room = Room(folder)
    return {kind: room.catalog.stored(room.put_database(database, compression=kind)) for kind in Compression}


def fault(record: StoredRecord) -> str:
    (finding,) = capture_report.check(record)
    assert (finding.outcome, finding.level) == (Outcome.FAILED, Level.COMPLETE)
    return finding.detail


@pytest.mark.parametrize("compression", list(Compression))
def test_a_complete_report_passes(records: dict[Compression, StoredRecord], compression: Compression) -> None:
    (finding,) = capture_report.check(records[compression])
    assert (finding.outcome, finding.level) == (Outcome.PASSED, Level.COMPLETE)
    assert "journal mode wal" in finding.detail


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("snapshot_id", ""), ("method", ""), ("journal_mode", ""), ("sqlite_version", ""), ("runtime", ""), ("source_path", ""),
        ("seconds", -1.0), ("lock_seconds", nan), ("writer_stall_seconds", inf), ("source_size", -1),
        ("page_size", 1000), ("page_size", 0), ("page_count", 0), ("page_count", 7), ("size", 1), ("size", 0),
        ("sha256", ""), ("sha256", "0" * 63), ("sha256", "0" * 64), ("sha256_origin", "hearsay"),
    ],
)  # fmt: skip
def test_a_report_with_a_fault_fails(records: dict[Compression, StoredRecord], field: str, value: Any) -> None:
    record = records[Compression.ZSTD]
    assert fault(replace(record, capture=replace(record.capture, **{field: value})))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("server_id", "server_002"), ("kind", "files"), ("artifact", "other"), ("slot", "20240101_120001"),
        ("compression", Compression.NONE), ("key", "somewhere"), ("plain_size", 1), ("plain_sha256", "0" * 64),
        ("stored_size", 1), ("parts", []), ("source_path", "/etc/passwd"),
    ],
)  # fmt: skip
def test_a_record_that_contradicts_itself_fails(records: dict[Compression, StoredRecord], field: str, value: Any) -> None:
    assert fault(replace(records[Compression.ZSTD], **{field: value}))


def test_uncompressed_bytes_are_the_plain_bytes(records: dict[Compression, StoredRecord]) -> None:
    record = records[Compression.NONE]
    assert "another sha256" in fault(replace(record, stored_sha256="0" * 64))


def test_an_end_before_the_beginning_fails(records: dict[Compression, StoredRecord]) -> None:
    record = records[Compression.ZSTD]
    assert "before it started" in fault(replace(record, finished_at=record.started_at - timedelta(seconds=1)))


@pytest.mark.parametrize("change", [{"number": 2}, {"size": 1}, {"size": 0}, {"sha256": "?"}, {"plain_end": 10**9}])
def test_parts_that_do_not_add_up_fail(records: dict[Compression, StoredRecord], change: dict[str, Any]) -> None:
    record = records[Compression.ZSTD]
    assert len(record.parts) > 1
    assert fault(replace(record, parts=[replace(record.parts[0], **change), *record.parts[1:]]))
    assert fault(replace(record, parts=record.parts[:-1]))


def test_every_fault_is_named(records: dict[Compression, StoredRecord], tmp_path: Path) -> None:
    record = records[Compression.ZSTD]
    detail = fault(replace(record, parts=[], capture=replace(record.capture, method="", source_path=str(tmp_path))))
    assert detail.count(";") == 2
