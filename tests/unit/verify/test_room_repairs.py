"""A rejected backup is captured again, where that helps, and not without end."""

from datetime import timedelta
from pathlib import Path

from fleetsave.model.keys import RecordName
from fleetsave.model.records import Level
from fleetsave.model.slots import Slot
from fleetsave.verify.outcome import AlreadyJudged
from fleetsave.verify.room import verify
from tests.fixtures.stored_backups import NOON, Room, judged, make_database

LATER = Slot(NOON.at + timedelta(hours=1))
CHECKS = {"gold": "SELECT sum(gold) FROM players"}


def test_a_flipped_bit_is_rejected_and_the_slot_captured_again(room: Room, database: Path) -> None:
    key = room.put_database(database)
    room.flip_bit(key)
    outcome = judged(verify(key, room.ports))
    assert (outcome.verdict, outcome.record.level) == (RecordName.REJECTED, Level.ARRIVED)
    assert room.records(key) == {RecordName.STORED, RecordName.REJECTED}
    assert room.queue.jobs == [outcome.repair]
    assert outcome.repair is not None
    assert (outcome.repair.repair, outcome.repair.stored_slot) == (1, NOON.repair(1))
    assert outcome.repair.source_path == room.catalog.stored(key).source_path


def test_repairs_end_after_three(room: Room, database: Path) -> None:
    for repair in range(4):
        key = room.put_database(database, repair=repair)
        room.flip_bit(key)
        verify(key, room.ports)
    assert [job.repair for job in room.queue.jobs] == [1, 2, 3]
    assert {job.slot for job in room.queue.jobs} == {NOON}


def test_violated_foreign_keys_are_rejected_but_capturing_again_would_not_help(room: Room, tmp_path: Path) -> None:
    path = make_database(tmp_path / "broken.db", script="INSERT INTO ledger (player, amount) VALUES (77777, 5);")
    key = room.put_database(path)
    outcome = judged(verify(key, room.ports))
    assert outcome.verdict is RecordName.REJECTED
    assert "'ledger'" in next(f.detail for f in outcome.record.findings if f.check == "foreign_keys")
    assert room.queue.jobs == []
    verify(key, room.ports)
    assert room.queue.jobs == []


def test_a_backup_with_a_later_one_beside_it_is_rejected_without_a_repair(room: Room, database: Path) -> None:
    old = room.put_database(database)
    room.put_database(database, slot=LATER)
    room.flip_bit(old)
    assert judged(verify(old, room.ports)).repair is None
    assert room.queue.jobs == []


def test_a_crash_between_verdict_and_job_is_mended_by_the_next_delivery(room: Room, database: Path) -> None:
    key = room.put_database(database)
    room.flip_bit(key)
    first = judged(verify(key, room.ports)).repair
    room.queue.jobs.clear()
    outcome = verify(key, room.ports)
    assert isinstance(outcome, AlreadyJudged)
    assert room.queue.jobs == [first]
