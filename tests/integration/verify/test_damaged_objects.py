"""Whatever happens to a stored object or its record, it is never verified."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fleetsave.model.keys import RecordName
from fleetsave.model.kinds import Compression
from fleetsave.model.records import Level, StoredRecord
from fleetsave.model.slots import Slot
from fleetsave.verify.room import verify
from tests.fixtures.damage import flip_bits
from tests.fixtures.stored_backups import NOON, Room, judged, make_database, take_fingerprint

LATER = Slot(NOON.at + timedelta(hours=1))
COMPRESSIONS = list(Compression)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return make_database(tmp_path / "world.db", players=2_000)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_no_flipped_bit_is_accepted(tmp_path: Path, compression: Compression) -> None:
    tally = flip_bits(tmp_path, compression, trials=20, seed=20240101, players=500)
    assert (tally.trials, tally.accepted) == (20, 0)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_no_truncated_or_empty_object_is_accepted(room: Room, database: Path, compression: Compression) -> None:
    key = room.put_database(database, compression=compression)
    sound = room.store.get(key.text)
    chance = random.Random(1)
    for size in [0, 1, len(sound) - 1, *(chance.randrange(len(sound)) for _ in range(10))]:
        room.store.replace(key.text, sound[:size])
        outcome = judged(verify(key, room.ports))
        assert (outcome.verdict, outcome.record.level) == (RecordName.REJECTED, Level.ARRIVED)
        room.store.delete(key.record_key(RecordName.REJECTED))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_nothing_may_follow_the_uploaded_bytes(room: Room, database: Path, compression: Compression) -> None:
    key = room.put_database(database, compression=compression)
    sound = room.store.get(key.text)
    skippable_frame = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    for tail in (b"\0", skippable_frame, sound):
        room.store.replace(key.text, sound + tail)
        assert judged(verify(key, room.ports)).verdict is RecordName.REJECTED
        room.store.delete(key.record_key(RecordName.REJECTED))


def test_another_sound_backups_bytes_are_not_accepted(room: Room, database: Path, tmp_path: Path) -> None:
    other = room.put_database(make_database(tmp_path / "other.db", players=2_001))
    key = room.put_database(database, slot=LATER)
    room.store.replace(key.text, room.store.get(other.text))
    assert judged(verify(key, room.ports)).verdict is RecordName.REJECTED


def test_the_same_content_compressed_anew_is_not_what_was_uploaded(room: Room, database: Path) -> None:
    plain = room.put_database(database, compression=Compression.NONE)
    key = room.put_database(database, slot=LATER)
    room.store.replace(key.text, room.store.get(plain.text))
    assert judged(verify(key, room.ports)).verdict is RecordName.REJECTED


TAMPERINGS: dict[str, Callable[[StoredRecord], StoredRecord]] = {
    "digest of the plain bytes": lambda r: replace(r, plain_sha256="0" * 64),
    "digest in report and record": lambda r: replace(
        r, plain_sha256="0" * 64, capture=replace(r.capture, sha256="0" * 64)
    ),
    "size": lambda r: replace(r, plain_size=r.plain_size - 4096),
    "digest of the stored bytes": lambda r: replace(r, stored_sha256="0" * 64),
    "digest of a part": lambda r: replace(r, parts=[replace(r.parts[0], sha256="0" * 64), *r.parts[1:]]),
    "a part left out": lambda r: replace(r, parts=r.parts[1:]),
    "pages": lambda r: replace(r, capture=replace(r.snapshot, page_count=r.snapshot.page_count + 1)),
    "page size": lambda r: replace(r, capture=replace(r.snapshot, page_size=1024, page_count=r.snapshot.page_count * 4)),
    "rows": lambda r: replace(
        r, capture=replace(r.snapshot, fingerprint=r.capture.fingerprint and replace(r.capture.fingerprint, row_counts={}))
    ),
    "server": lambda r: replace(r, server_id="server_002"),
    "snapshot": lambda r: replace(r, capture=replace(r.capture, snapshot_id="")),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERINGS)
def test_a_record_that_was_tampered_with_does_not_make_its_backup_verified(room: Room, database: Path, what: str) -> None:
    key = room.put_database(database)
    room.rewrite_record(key, TAMPERINGS[what](room.catalog.stored(key)))
    assert judged(verify(key, room.ports)).verdict is RecordName.REJECTED


PAYLOADS = {
    "nothing but zeros": bytes(8192),
    "text": b"hello " * 2000,
    "encrypted": random.Random(7).randbytes(8192),
    "one byte": b"S",
    "header alone": b"SQLite format 3\0" + bytes(84),
}


@pytest.mark.parametrize("what", PAYLOADS)
def test_a_faithful_copy_of_what_is_no_database_is_not_verified(room: Room, what: str) -> None:
    key = room.put(PAYLOADS[what], None)
    outcome = judged(verify(key, room.ports))
    assert outcome.verdict is RecordName.REJECTED
    assert outcome.record.level is Level.CHECKSUM


def test_a_faithful_copy_of_a_damaged_database_is_not_verified(room: Room, database: Path) -> None:
    damaged = bytearray(database.read_bytes())
    damaged[4096 * 5 : 4096 * 6] = bytes(4096)
    outcome = judged(verify(room.put(bytes(damaged), None), room.ports))
    assert (outcome.verdict, outcome.record.level) == (RecordName.REJECTED, Level.COMPLETE)


def test_hostile_sql_in_a_schema_or_a_record_is_not_run(room: Room, tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    hostile = make_database(tmp_path / "hostile.db", script=f"CREATE VIEW bomb AS {endless};")
    key = room.put(hostile.read_bytes(), take_fingerprint(hostile))
    assert judged(verify(key, room.ports)).verdict is RecordName.VERIFIED, "a view that nobody asks does no harm"
    report = take_fingerprint(hostile)
    asked = replace(report, checks={"bomb": [1]}, check_sql={"bomb": "SELECT load_extension('/tmp/x')"})
    key = room.put(hostile.read_bytes(), asked, slot=LATER)
    assert judged(verify(key, room.ports)).verdict is RecordName.REJECTED
