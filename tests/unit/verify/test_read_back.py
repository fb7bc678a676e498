"""One pass gives every digest, and never writes more than was captured."""

import hashlib
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import zstandard

from fleetsave.checks.checksum import ReadBack
from fleetsave.model.errors import ObjectNotFoundError, StoreError
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Compression
from fleetsave.model.records import StoredRecord
from fleetsave.verify.read_back import Keep, Reading, read_back
from tests.fixtures.stored_backups import Room, make_database


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
def plain(tmp_path: Path) -> bytes:
    return make_database(tmp_path / "world.db", players=2_000).read_bytes()


def store(room: Room, plain: bytes, compression: Compression = Compression.ZSTD) -> StoredRecord:
    return room.catalog.stored(room.put(plain, None, compression=compression))


def read(room: Room, record: StoredRecord) -> ReadBack:
    return read_back(room.store, record, room.scratch / "plain")


@pytest.mark.parametrize("compression", list(Compression))
def test_a_sound_object_gives_the_recorded_digests_and_the_captured_file(
    room: Room, plain: bytes, compression: Compression
) -> None:
    record = store(room, plain, compression)
    found = read(room, record)
    assert found == ReadBack(
        record.stored_size, str(record.stored_sha256), [part.sha256 for part in record.parts], len(plain), record.plain_sha256
    )
    assert (room.scratch / "plain").read_bytes() == plain
    assert room.store.calls["read"] == 1


def test_a_bomb_is_cut_off_at_the_captured_size(room: Room, plain: bytes) -> None:
    record = store(room, plain)
    bomb = zstandard.compress(bytes(64 << 20))
    room.store.replace(record.key, bomb)
    found = read(room, record)
    assert found.problem == "it unpacks to more bytes than were captured"
    assert (room.scratch / "plain").stat().st_size <= len(plain)


def test_an_object_that_has_grown_is_not_read_to_its_end(room: Room, plain: bytes) -> None:
    record = store(room, plain, Compression.NONE)
    room.store.replace(record.key, plain + bytes(64 << 20))
    found = read(room, record)
    assert record.stored_size < found.stored_size <= record.stored_size + (1 << 20)
    assert found.problem is not None


def test_after_damage_the_rest_is_still_hashed_so_that_the_damaged_part_is_known(room: Room, plain: bytes) -> None:
    record = store(room, plain)
    body = bytearray(room.store.get(record.key))
    body[3] ^= 1
    room.store.replace(record.key, bytes(body))
    found = read(room, record)
    assert found.problem is not None
    assert "does not unpack" in found.problem
    assert found.stored_sha256 == hashlib.sha256(body).hexdigest()
    differing = [part.number for part, sha256 in zip(record.parts, found.part_sha256, strict=True) if part.sha256 != sha256]
    assert differing == [1]


@pytest.mark.parametrize("size", [0, 1, 5_000])
def test_a_truncated_object_shows_in_size_and_parts(room: Room, plain: bytes, size: int) -> None:
    record = store(room, plain, Compression.NONE)
    room.store.replace(record.key, plain[:size])
    found = read(room, record)
    assert (found.stored_size, found.plain_size) == (size, size)
    assert found.part_sha256 != [part.sha256 for part in record.parts]


def test_parts_of_no_recorded_size_do_not_loop(room: Room, plain: bytes) -> None:
    record = store(room, plain)
    empty = [replace(part, size=0) for part in record.parts]
    assert len(read(room, replace(record, parts=empty)).part_sha256) == len(empty)
    assert read(room, replace(record, parts=[])).part_sha256 == []


def test_what_the_store_raises_goes_through(room: Room, plain: bytes) -> None:
    record = store(room, plain)
    room.store.fail("read", StoreError("read", record.key, "broken", "Wait.", retryable=True))
    with pytest.raises(StoreError, match="broken"):
        read(room, record)
    room.store.delete(record.key)
    with pytest.raises(ObjectNotFoundError):
        read(room, record)


@pytest.mark.parametrize("compression", list(Compression))
def test_the_stored_bytes_can_be_kept_instead_and_nobody_else_can_read_them(
    room: Room, plain: bytes, compression: Compression
) -> None:
    record = store(room, plain, compression)
    kept = room.scratch / "stored"
    found = read_back(room.store, record, kept, keep=Keep.STORED)
    assert kept.read_bytes() == room.store.get(record.key)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert found == read(room, record)


def test_no_more_stored_bytes_are_kept_than_show_that_there_are_too_many(room: Room, plain: bytes) -> None:
    record = store(room, plain, Compression.NONE)
    room.replace_object(BackupKey.parse(record.key), plain + bytes(20 << 20))
    kept = room.scratch / "stored"
    found = read_back(room.store, record, kept, keep=Keep.STORED)
    assert found.stored_size > record.stored_size
    assert kept.stat().st_size == found.stored_size <= len(plain) + (2 << 20)


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("chunks", [0, 1, 1_000])
def test_whoever_reads_the_plain_bytes_may_stop_anywhere_and_all_of_them_are_hashed(
    room: Room, plain: bytes, compression: Compression, chunks: int
) -> None:
    record = store(room, plain, compression)
    reading = Reading(room.store, record)
    seen = b"".join(islice(reading.chunks, chunks))
    assert plain.startswith(seen)
    assert bool(seen) is bool(chunks)
    assert reading.finish() == read(room, record)


def test_whoever_reads_damaged_bytes_gets_those_before_the_damage_and_no_error(room: Room, plain: bytes) -> None:
    record = store(room, plain)
    body = room.store.get(record.key)
    room.store.replace(record.key, body[: len(body) // 2])
    reading = Reading(room.store, record)
    seen = b"".join(reading.chunks)
    assert plain.startswith(seen)
    assert len(seen) < len(plain)
    assert "does not unpack" in str(reading.finish().problem)


def test_whoever_reads_a_bomb_gets_no_more_than_was_captured(room: Room, plain: bytes) -> None:
    record = store(room, plain)
    room.store.replace(record.key, zstandard.compress(bytes(64 << 20)))
    reading = Reading(room.store, record)
    assert sum(map(len, reading.chunks)) <= len(plain)
    assert reading.finish().problem == "it unpacks to more bytes than were captured"
