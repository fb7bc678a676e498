"""A backup made before a recovery is proven like any other, but not measured by what was wrong before, and never repaired."""

from datetime import timedelta
from pathlib import Path

import pytest

from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.records import Outcome
from fleetsave.model.slots import Slot
from fleetsave.verify.outcome import AlreadyJudged
from fleetsave.verify.room import verify
from tests.fixtures.stored_backups import DATABASE, NOON, Room, judged, make_database

SAFETY = DATABASE.safety
LATER = Slot(NOON.at + timedelta(hours=1))


@pytest.fixture
def emptied(tmp_path: Path) -> Path:
    return make_database(tmp_path / "emptied.db", players=1)


def put_history(room: Room, database: Path) -> None:
    for artifact_id in (DATABASE, SAFETY):
        verify(room.put_database(database, artifact_id=artifact_id), room.ports)


def test_it_is_verified_however_little_is_left_beside_the_one_before(room: Room, database: Path, emptied: Path) -> None:
    put_history(room, database)
    safety = judged(verify(room.put_database(emptied, slot=LATER, artifact_id=SAFETY), room.ports))
    (finding,) = [one for one in safety.record.findings if one.check == "plausibility"]
    assert (safety.verdict, finding.outcome) == (RecordName.VERIFIED, Outcome.SKIPPED)
    assert finding.detail == "made before a recovery: what was wrong then is no measure"


def test_the_same_content_makes_an_ordinary_backup_suspect(room: Room, database: Path, emptied: Path) -> None:
    put_history(room, database)
    assert judged(verify(room.put_database(emptied, slot=LATER), room.ports)).verdict is RecordName.SUSPECT


def test_it_is_no_measure_for_the_artifacts_own_backups(room: Room, database: Path, emptied: Path) -> None:
    verify(room.put_database(database, artifact_id=SAFETY), room.ports)
    ordinary = judged(verify(room.put_database(emptied, slot=LATER), room.ports))
    assert ordinary.verdict is RecordName.VERIFIED


def test_a_history_that_cannot_be_read_does_not_matter(room: Room, database: Path, emptied: Path) -> None:
    put_history(room, database)
    earlier = BackupKey.parse(f"servers/server_001/database/server_001_{NOON.text}_safety-database.db.zst")
    room.store.replace(earlier.record_key(RecordName.STORED), b"{broken")
    assert judged(verify(room.put_database(emptied, slot=LATER, artifact_id=SAFETY), room.ports)).verdict is RecordName.VERIFIED


def test_a_rejected_one_is_never_captured_again(room: Room, database: Path) -> None:
    key = room.put_database(database, artifact_id=SAFETY)
    room.flip_bit(key)
    outcome = judged(verify(key, room.ports))
    assert (outcome.verdict, outcome.repair) == (RecordName.REJECTED, None)
    again = verify(key, room.ports)
    assert isinstance(again, AlreadyJudged)
    assert again.repair is None
    assert room.queue.jobs == []
