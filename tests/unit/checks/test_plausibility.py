"""A cliff between two backups is suspect; ordinary growth and shrinking is not."""

from dataclasses import replace

import pytest

from fleetsave.checks import plausibility
from fleetsave.model.kinds import DumpFormat
from fleetsave.model.records import Finding, Fingerprint, Outcome, StoredRecord
from tests.fixtures.archive_records import archive_record
from tests.fixtures.dump_records import dump_record
from tests.unit.checks.test_checksum import RECORD


def backup(size: int = 1_000, counts: dict[str, int] | None = None, schema: str = "s", key: str = "earlier") -> StoredRecord:
    fingerprint = Fingerprint({"players": 100, "ledger": 900} if counts is None else counts, schema)
    return replace(RECORD, key=key, plain_size=size, capture=replace(RECORD.snapshot, fingerprint=fingerprint))


def compare(now: StoredRecord, before: StoredRecord | None) -> Finding:
    (finding,) = plausibility.check(now, before)
    assert finding.level is None
    return finding


def test_the_first_backup_has_nothing_to_compare_with() -> None:
    assert compare(backup(), None).outcome is Outcome.SKIPPED


@pytest.mark.parametrize("now", [backup(), backup(size=500), backup(size=99_999), backup(counts={"players": 1, "ledger": 499})])
def test_ordinary_change_passes(now: StoredRecord) -> None:
    finding = compare(now, backup())
    assert finding.outcome is Outcome.PASSED
    assert "beside earlier" in finding.detail


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (backup(size=499), "shrunk from 1000 to 499 bytes"),
        (backup(counts={"players": 0, "ledger": 1_000}), "emptied: 'players'"),
        (backup(counts={"players": 100, "ledger": 399}), "1000 rows then, 499 now"),
        (backup(counts={"ledger": 1_000}), "2 tables then, 1 now: without 'players'"),
    ],
)
def test_a_cliff_is_suspect_and_named(now: StoredRecord, says: str) -> None:
    finding = compare(now, backup())
    assert finding.outcome is Outcome.SUSPECT
    assert says in finding.detail


def test_a_table_that_was_empty_before_may_stay_so() -> None:
    counts = {"players": 100, "ledger": 0}
    assert compare(backup(counts=counts), backup(counts=counts)).outcome is Outcome.PASSED


def test_another_schema_is_only_noted() -> None:
    finding = compare(backup(schema="new"), backup())
    assert finding.outcome is Outcome.PASSED
    assert "the schema has changed" in finding.detail


def test_without_fingerprints_sizes_still_tell() -> None:
    bare = replace(backup(size=10), capture=RECORD.capture)
    assert compare(bare, backup()).outcome is Outcome.SUSPECT
    assert compare(replace(bare, plain_size=900), backup()).outcome is Outcome.PASSED


def test_a_dump_counts_by_its_text_whatever_its_format() -> None:
    plain, custom = dump_record(), dump_record(dump_format=DumpFormat.CUSTOM)
    as_text = replace(plain.dump, text=replace(plain.dump.text, size=4_000))
    assert compare(custom, replace(plain, plain_size=4_000, capture=as_text)).outcome is Outcome.PASSED
    assert "shrunk from 4000 to 1000 bytes" in compare(plain, custom).detail


def archive(**values: object) -> StoredRecord:
    record = archive_record()
    return replace(record, capture=replace(record.archive, **values))  # type: ignore[arg-type]  # the report's own names


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (archive(files=49), "100 files then, 49 now"),
        (archive(files=50, directories=0, links=0), "114 members then, 50 now"),
        (archive(databases=[]), "1 databases then, 0 now"),
        (archive(content_size=4_999), "shrunk from 10000 to 4999 bytes"),
    ],
)
def test_a_cliff_between_two_archives_is_suspect(now: StoredRecord, says: str) -> None:
    finding = compare(now, archive())
    assert finding.outcome is Outcome.SUSPECT
    assert says in finding.detail


@pytest.mark.parametrize("now", [archive(), archive(files=60), archive(files=9_999, content_size=1 << 40, size=1)])
def test_archives_may_grow_and_shrink_like_anything_else(now: StoredRecord) -> None:
    assert compare(now, archive()).outcome is Outcome.PASSED
