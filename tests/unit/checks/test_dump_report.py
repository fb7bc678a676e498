"""The record of a dump is whole and contradicts itself nowhere, or it is held against the backup."""

from dataclasses import replace
from typing import Any

import pytest

from fleetsave.checks import dump_report
from fleetsave.model.dumps import Block
from fleetsave.model.fingerprints import Fingerprint
from fleetsave.model.kinds import Compression, DumpFormat
from fleetsave.model.records import Finding, Level, Outcome, StoredRecord
from tests.fixtures.dump_records import SHA, dump_record


def only(record: StoredRecord) -> Finding:
    (finding,) = dump_report.check(record)
    return finding


@pytest.mark.parametrize(
    ("dump_format", "compression"),
    [(DumpFormat.PLAIN, Compression.ZSTD), (DumpFormat.PLAIN, Compression.NONE), (DumpFormat.CUSTOM, Compression.NONE)],
)
def test_a_faithful_record_passes(dump_format: DumpFormat, compression: Compression) -> None:
    finding = only(dump_record(dump_format=dump_format, compression=compression))
    assert (finding.outcome, finding.level) == (Outcome.PASSED, Level.COMPLETE)
    assert "pg_dump 18.6" in finding.detail
    assert "server 16.15" in finding.detail


REPORT: dict[str, tuple[dict[str, Any], str]] = {
    "snapshot": ({"snapshot_id": ""}, "snapshot_id is missing"),
    "key": ({"restrict_key": ""}, "restrict_key is missing"),
    "superuser": ({"bootstrap_superuser": ""}, "bootstrap_superuser is missing"),
    "seconds": ({"seconds": float("nan")}, "seconds is nan"),
    "size": ({"database_size": -1}, "database_size is -1"),
    "version": ({"server_version_number": 0}, "server_version_number is 0"),
    "sha256": ({"sha256": "x"}, "sha256 is missing"),
    "origin": ({"sha256_origin": "somebody"}, "sha256_origin is 'somebody'"),
    "format": ({"format": DumpFormat.CUSTOM}, "its key is that of format plain, the dump is custom"),
}


@pytest.mark.parametrize("fault", sorted(REPORT))
def test_what_is_missing_or_impossible_is_named(fault: str) -> None:
    changes, said = REPORT[fault]
    record = dump_record()
    finding = only(replace(record, capture=replace(record.dump, **changes)))
    assert finding.outcome is Outcome.FAILED
    assert said in finding.detail


def test_the_database_and_the_globals_are_looked_at_too() -> None:
    record = dump_record()
    report = record.dump
    for changed, said in (
        (replace(report, database=replace(report.database, provider="mine")), "provider 'mine'"),
        (replace(report, globals=replace(report.globals, key="elsewhere.sql")), "its globals are 'elsewhere.sql'"),
        (replace(report, globals=replace(report.globals, size=0)), "size of the globals"),
    ):
        assert said in only(replace(record, capture=changed)).detail


def test_the_text_agrees_with_the_dump_and_with_what_was_counted() -> None:
    record = dump_record()
    report = record.dump
    for changed, said in (
        (replace(report, text=replace(report.text, size=1)), "a plain dump is its own text"),
        (replace(report, text=replace(report.text, blocks={"public.t": Block(1, "x")})), "a sha256 of the text is missing"),
        (replace(report, text=replace(report.text, blocks={"public.t": Block(-1, SHA)})), "less than no rows"),
        (replace(report, fingerprint=Fingerprint({"public.gone": 1}, SHA)), "without data in the dump: public.gone"),
        (replace(report, fingerprint=Fingerprint({}, "0" * 64)), "schema's sha256"),
    ):
        assert said in only(replace(record, capture=changed)).detail


def test_what_was_uploaded_is_what_was_dumped() -> None:
    record = dump_record()
    assert "bytes were stored of" in only(replace(record, plain_size=1)).detail
    assert "is not that of its key" in only(replace(record, artifact="another")).detail
