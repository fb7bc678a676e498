"""What keeps a backup from being judged is raised, and nothing is written."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fleetsave.model.errors import AccessDeniedError, CatalogError, StoreError, VerificationError
from fleetsave.model.keys import RecordName
from fleetsave.model.slots import Slot
from fleetsave.verify.room import verify
from tests.fixtures.stored_backups import NOON, Room, judged

LATER = Slot(NOON.at + timedelta(hours=1))
CHECKS = {"gold": "SELECT sum(gold) FROM players"}


def test_what_may_pass_is_raised_and_judged_later(room: Room, database: Path) -> None:
    key = room.put_database(database)
    room.store.fail("read", StoreError("read", key.text, "InternalError", "Wait.", retryable=True))
    with pytest.raises(StoreError) as caught:
        verify(key, room.ports)
    assert caught.value.retryable
    assert room.records(key) == {RecordName.STORED}
    assert [path for path in room.scratch.iterdir() if path.is_dir()] == []
    assert judged(verify(key, room.ports)).verdict is RecordName.VERIFIED


def test_a_store_that_denies_reading_is_no_verdict(room: Room, database: Path) -> None:
    key = room.put_database(database)
    room.store.fail("read", AccessDeniedError("read", key.text, "AccessDenied", "Check the role."))
    with pytest.raises(AccessDeniedError):
        verify(key, room.ports)
    assert room.records(key) == {RecordName.STORED}


def test_an_object_replaced_while_it_is_read_is_read_again(room: Room, database: Path) -> None:
    key = room.put_database(database)
    good = room.store.get(key.text)
    room.replace_object(key, b"x" * len(good))

    def seconds_left() -> float:  # asked after the read, before the verdict
        room.replace_object(key, good)
        return 60

    with pytest.raises(VerificationError) as caught:
        verify(key, replace(room.ports, seconds_left=seconds_left))
    assert caught.value.retryable
    assert room.records(key) == {RecordName.STORED}


def test_a_backup_too_large_for_the_disk_names_sizes_and_parameter(room: Room, database: Path) -> None:
    key = room.put_database(database)
    stored = room.catalog.stored(key)
    room.rewrite_record(key, replace(stored, plain_size=1 << 60))
    with pytest.raises(VerificationError, match="VerifyStorage") as caught:
        verify(key, room.ports)
    assert str(1 << 60) in caught.value.cause
    assert room.records(key) == {RecordName.STORED}


def test_checks_that_would_outlast_the_function_are_no_verdict(room: Room, database: Path) -> None:
    key = room.put_database(database)
    room.seconds_left = 0
    with pytest.raises(VerificationError, match="longer than"):
        verify(key, room.ports)
    assert room.records(key) == {RecordName.STORED}


def test_a_record_that_is_no_record_is_an_error_and_no_verdict(room: Room, database: Path) -> None:
    key = room.put_database(database)
    room.store.delete(key.record_key(RecordName.STORED))
    room.store.put(key.record_key(RecordName.STORED), b'{"key": "nonsense"}')
    with pytest.raises(CatalogError):
        verify(key, room.ports)


def test_a_disk_that_fails_is_no_verdict(room: Room, database: Path) -> None:
    key = room.put_database(database)
    room.scratch.rmdir()
    with pytest.raises(VerificationError, match="scratch folder") as caught:
        verify(key, room.ports)
    assert caught.value.retryable
    assert room.records(key) == {RecordName.STORED}
