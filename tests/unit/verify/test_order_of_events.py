"""Whatever is delivered, however often and in whatever order: the records come out the same."""

import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.records import StoredRecord, VerdictRecord
from fleetsave.model.slots import Slot
from fleetsave.verify.room import verify
from tests.fixtures.stored_backups import DATABASE, NOON, Room, make_database, take_fingerprint

SOUND, ROTTEN, TORN, OTHER = range(4)
Records = dict[str, tuple[set[RecordName], list[VerdictRecord]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("order")
    make_database(folder / "now.db", players=40)
    make_database(folder / "later.db", players=41)
    return folder


def put(room: Room, folder: Path, which: int) -> tuple[BackupKey, StoredRecord]:
    """Store one of four backups, without its record."""
    slot = Slot(NOON.at + timedelta(hours=which))
    artifact_id = replace(DATABASE, artifact="other") if which == OTHER else DATABASE
    plain = (folder / "now.db").read_bytes()
    fingerprint = take_fingerprint(folder / ("later.db" if which == TORN else "now.db"))
    key = room.put(plain, fingerprint, slot=slot, artifact_id=artifact_id)
    record = room.catalog.stored(key)
    if which == ROTTEN:
        room.store.replace(key.text, room.store.get(key.text)[:-1] + b"?")
    room.store.delete(key.record_key(RecordName.STORED))
    return key, record


def deliver(folder: Path, events: list[tuple[int, bool]]) -> Records:
    """Deliver (backup, is it the record's event) in this order, then every record's event once more, as queues do."""
    with tempfile.TemporaryDirectory() as scratch:
        room = Room(Path(scratch))
        backups = [put(room, folder, which) for which in range(4)]
        for which, by_record in events:
            key, record = backups[which]
            if by_record:
                room.catalog.append(key, RecordName.STORED, record)
            verify(key, room.ports)
        for key, record in backups:
            room.catalog.append(key, RecordName.STORED, record)
            verify(key, room.ports)
        assert len({job.identity for job in room.queue.jobs}) <= 2
        return {
            key.text: (room.records(key), [room.verdict(key, name) for name in room.records(key) - {RecordName.STORED}])
            for key, _ in backups
        }


def without_neighbours(records: Records) -> Records:
    """Leave the finding on plausibility out: what a backup is compared with is what was verified until then."""
    return {
        key: (names, [replace(one, findings=[f for f in one.findings if f.check != "plausibility"]) for one in verdicts])
        for key, (names, verdicts) in records.items()
    }


@pytest.fixture(scope="module")
def in_order(folder: Path) -> Records:
    return deliver(folder, [])


@settings(max_examples=25, deadline=None)
@given(events=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=14))
def test_duplicates_and_order_change_no_record(folder: Path, in_order: Records, events: list[tuple[int, bool]]) -> None:
    assert without_neighbours(deliver(folder, events)) == without_neighbours(in_order)


def test_in_order_the_sound_are_verified_and_the_others_rejected(in_order: Records) -> None:
    verdicts = [names - {RecordName.STORED} for names, _ in in_order.values()]
    assert verdicts == [{RecordName.VERIFIED}, {RecordName.REJECTED}, {RecordName.REJECTED}, {RecordName.VERIFIED}]
