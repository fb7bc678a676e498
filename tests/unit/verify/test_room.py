"""The verify room: what is written down and what is left alone."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.kinds import Compression
from fleetsave.model.records import Level, PrunedRecord, StoredRecord
from fleetsave.model.slots import Slot
from fleetsave.verify.outcome import AlreadyJudged, NoRecordYet, Pruned
from fleetsave.verify.room import verify
from tests.fixtures.stored_backups import DATABASE, NOON, NOW, Room, judged, make_database, take_fingerprint

LATER = Slot(NOON.at + timedelta(hours=1))
CHECKS = {"gold": "SELECT sum(gold) FROM players"}


@pytest.mark.parametrize("compression", list(Compression))
def test_a_faithful_backup_is_verified_at_the_highest_level(room: Room, database: Path, compression: Compression) -> None:
    key = room.put_database(database, checks=CHECKS, compression=compression)
    outcome = judged(verify(key, room.ports))
    assert (outcome.verdict, outcome.written, outcome.repair) == (RecordName.VERIFIED, True, None)
    record = room.verdict(key, RecordName.VERIFIED)
    assert record == outcome.record
    assert record.level is Level.APPLICATION
    assert (record.key, record.verdict, record.etag) == (key.text, "verified", room.store.head(key.text).etag)
    assert record.plain_sha256 == room.catalog.stored(key).plain_sha256
    assert len(room.catalog.stored(key).parts) > 1


def test_without_checks_of_the_owner_it_is_equal_to_the_source_and_without_a_fingerprint_restored(
    room: Room, database: Path
) -> None:
    equal = room.put_database(database)
    assert judged(verify(equal, room.ports)).record.level is Level.EQUAL_TO_SOURCE
    bare = room.put(database.read_bytes(), None, slot=LATER)
    outcome = judged(verify(bare, room.ports))
    assert (outcome.verdict, outcome.record.level) == (RecordName.VERIFIED, Level.RESTORED)
    assert "fingerprint" in [finding.check for finding in outcome.record.findings]


def test_nothing_is_left_in_the_scratch_folder(room: Room, database: Path) -> None:
    key = room.put_database(database)
    verify(key, room.ports)
    room.flip_bit(key)
    verify(key, room.ports, force=True)
    assert [path for path in room.scratch.iterdir() if path.is_dir()] == []


def test_data_without_a_record_is_left_for_the_records_own_event(room: Room, database: Path) -> None:
    key = room.put_database(database)
    room.store.delete(key.record_key(RecordName.STORED))
    assert verify(key, room.ports) == NoRecordYet(key)
    room.store.delete(key.text)
    assert verify(key, room.ports) == NoRecordYet(key)


def test_a_pruned_backup_is_left_alone(room: Room, database: Path) -> None:
    key = room.put_database(database)
    prune(room, key)
    room.store.delete(key.text)
    assert verify(key, room.ports) == Pruned(key)
    assert RecordName.REJECTED not in room.records(key)


def prune(room: Room, key: BackupKey) -> None:
    record = PrunedRecord(key.text, "old", NOW, 1, {}, key.text, "0.1.0")
    room.catalog.append(key, RecordName.PRUNED, record)


def test_a_backup_pruned_while_it_is_verified_is_not_missing(room: Room, database: Path) -> None:
    key = room.put_database(database)
    room.store.delete(key.text)

    class CatalogWhilePruning(Catalog):
        def stored(self, key: BackupKey) -> StoredRecord:
            prune(room, key)
            return super().stored(key)

    ports = replace(room.ports, catalog=CatalogWhilePruning(room.store))
    assert verify(key, ports) == Pruned(key)
    assert RecordName.REJECTED not in room.records(key)


def test_a_missing_object_is_rejected(room: Room, database: Path) -> None:
    key = room.put_database(database)
    room.store.delete(key.text)
    outcome = judged(verify(key, room.ports))
    assert outcome.verdict is RecordName.REJECTED
    assert [finding.check for finding in outcome.record.findings] == ["missing"]
    assert len(room.queue.jobs) == 1
    assert isinstance(verify(key, room.ports), AlreadyJudged)


def test_what_was_judged_is_not_read_again_by_a_second_event(room: Room, database: Path) -> None:
    key = room.put_database(database)
    verify(key, room.ports)
    assert verify(key, room.ports) == AlreadyJudged(key, RecordName.VERIFIED, None)
    assert room.store.calls["read"] == 1


def test_a_verified_object_that_is_replaced_is_judged_again(room: Room, database: Path) -> None:
    key = room.put_database(database)
    verify(key, room.ports)
    room.replace_object(key, b"something else")
    outcome = judged(verify(key, room.ports))
    assert (outcome.verdict, outcome.written) == (RecordName.REJECTED, True)
    assert room.records(key) == {RecordName.STORED, RecordName.VERIFIED, RecordName.REJECTED}
    assert len(room.queue.jobs) == 1


def test_a_verified_object_that_is_deleted_is_judged_again(room: Room, database: Path) -> None:
    key = room.put_database(database)
    verify(key, room.ports)
    room.store.delete(key.text)
    assert judged(verify(key, room.ports)).verdict is RecordName.REJECTED


def test_a_forced_read_finds_rot_that_neither_size_nor_etag_shows(room: Room, database: Path) -> None:
    key = room.put_database(database)
    verify(key, room.ports)
    room.flip_bit(key)
    assert isinstance(verify(key, room.ports), AlreadyJudged)
    outcome = judged(verify(key, room.ports, force=True))
    assert (outcome.verdict, outcome.written) == (RecordName.REJECTED, True)
    assert RecordName.VERIFIED in room.records(key)


def test_a_forced_read_that_passes_writes_nothing_new(room: Room, database: Path) -> None:
    key = room.put_database(database)
    first = judged(verify(key, room.ports)).record
    outcome = judged(verify(key, room.ports, force=True))
    assert (outcome.verdict, outcome.written) == (RecordName.VERIFIED, False)
    assert room.verdict(key, RecordName.VERIFIED) == first
    assert room.records(key) == {RecordName.STORED, RecordName.VERIFIED}


def test_a_rejected_backup_stays_rejected_even_if_its_bytes_come_back(room: Room, database: Path) -> None:
    key = room.put_database(database)
    good = room.store.get(key.text)
    room.flip_bit(key)
    verify(key, room.ports)
    room.store.replace(key.text, good)
    assert verify(key, room.ports, force=True)
    assert room.records(key) == {RecordName.STORED, RecordName.REJECTED}


def test_a_cliff_is_suspect_and_not_captured_again(room: Room, database: Path, tmp_path: Path) -> None:
    verify(room.put_database(database), room.ports)
    emptied = make_database(tmp_path / "emptied.db", players=0)
    key = room.put_database(emptied, slot=LATER)
    outcome = judged(verify(key, room.ports))
    assert (outcome.verdict, outcome.record.level) == (RecordName.SUSPECT, Level.EQUAL_TO_SOURCE)
    assert room.queue.jobs == []
    assert verify(key, room.ports) == AlreadyJudged(key, RecordName.SUSPECT, None)
    assert judged(verify(key, room.ports, force=True)).written is False


def test_only_an_earlier_verified_backup_of_the_same_artifact_is_compared_with(
    room: Room, database: Path, tmp_path: Path
) -> None:
    emptied = make_database(tmp_path / "emptied.db", players=0)
    room.put_database(database)
    other = replace(DATABASE, artifact="other")
    verify(room.put_database(database, artifact_id=other), room.ports)
    verify(room.put_database(database, slot=Slot(NOON.at + timedelta(hours=9))), room.ports)
    key = room.put_database(emptied, slot=LATER)
    assert judged(verify(key, room.ports)).verdict is RecordName.VERIFIED


def test_a_history_that_cannot_be_read_makes_a_backup_suspect_and_no_more(room: Room, database: Path) -> None:
    room.store.put("catalog/servers/server_001/database/notes.txt", b"hello")
    outcome = judged(verify(room.put_database(database), room.ports))
    assert outcome.verdict is RecordName.SUSPECT
    assert "notes.txt" in outcome.record.findings[-1].detail


def test_a_torn_copy_with_a_matching_digest_is_refused_by_the_fingerprint(room: Room, database: Path, tmp_path: Path) -> None:
    later = make_database(tmp_path / "later.db", players=201)
    key = room.put(database.read_bytes(), take_fingerprint(later))
    outcome = judged(verify(key, room.ports))
    assert (outcome.verdict, outcome.record.level) == (RecordName.REJECTED, Level.RESTORED)
    assert "200 restored" in next(f.detail for f in outcome.record.findings if f.check == "row_counts")
