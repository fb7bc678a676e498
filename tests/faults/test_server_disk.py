"""Fault 3: the server's disk is full, or fills up: captured all the same, with nothing left on it and the source as it was."""

import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from fleetsave.local.game import create
from tests.faults.scoring import scored
from tests.fixtures.fault_station import FaultStation, key_of, stand_in_tally

FILLER = "something else"
SIZE = 300_000
DISK = 1 << 20


def make_world(path: Path, journal_mode: str) -> None:
    """Make a database of about SIZE bytes that nobody has open."""
    create(path, journal_mode)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO world VALUES (0, ?)", (os.urandom(SIZE),))
        connection.commit()


def digests(path: Path) -> dict[str, str]:
    """Return the SHA-256 of a database and its journals; readers of a WAL database may make an empty -wal, and a -shm."""
    files = [file for file in path.parent.glob(f"{path.name}*") if not file.name.endswith("-shm") and file.stat().st_size]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def leave_free(disk: Path, size: int) -> None:
    """Fill the disk until about `size` bytes are free, in whole pages."""
    with (disk / FILLER).open("wb", buffering=0) as filler, suppress(OSError):
        free = os.statvfs(disk)
        left = free.f_bavail * free.f_frsize - size
        while left > 0:
            left -= filler.write(bytes(min(left, 4096)))


@contextmanager
def filling_up(disk: Path, after: float) -> Iterator[None]:
    """Let somebody else fill the disk within the block, `after` so many seconds."""
    timer = threading.Timer(after, lambda: leave_free(disk, 0))
    timer.start()
    try:
        yield
    finally:
        timer.join()


def seconds_of_a_run(station: FaultStation) -> float:
    started = time.monotonic()
    assert station.attempt(station.next_job()) is None
    return time.monotonic() - started


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
@pytest.mark.parametrize("way", ["too little room for a snapshot", "filling up meanwhile", "the database's own disk"])
def test_a_full_disk_keeps_nothing_from_being_captured(
    station: FaultStation, small_disk: Path, tmp_path: Path, journal_mode: str, way: str
) -> None:
    path = (small_disk if way == "the database's own disk" else tmp_path) / "world.db"
    make_world(path, journal_mode)
    station.staging = small_disk / "staging"
    station.server["staging"] = str(station.staging)
    station.protect(path)
    methods: dict[str, int] = {}
    before = digests(path)
    with scored(3, f"{way}, {'rollback journal' if journal_mode == 'delete' else 'WAL'}", share=6) as tally:
        usual = seconds_of_a_run(station)
        for _ in tally.each():
            job = station.next_job()
            if way == "filling up meanwhile":
                with filling_up(small_disk, tally.chance.uniform(0, usual)):
                    error = station.attempt(job)
            else:
                leave_free(small_disk, tally.chance.choice([0, tally.chance.randrange(path.stat().st_size * 3 // 2)]))
                error = station.attempt(job)
            if error is not None:
                tally.lose(f"not captured: {error}")
            station.judge_whole(tally, job)
            if digests(path) != before:
                tally.accepted("the database was changed")
            (small_disk / FILLER).unlink(missing_ok=True)
            method = "none" if error else station.catalog.stored(key_of(job)).capture.method
            methods[method] = methods.get(method, 0) + 1
        tally.seen["methods"] = methods


def test_what_is_left_on_the_disk_would_be_seen(station: FaultStation, tmp_path: Path) -> None:
    create(tmp_path / "world.db", "wal")
    station.protect(tmp_path / "world.db")
    job, tally = station.next_job(), stand_in_tally(3)
    assert station.attempt(job) is None
    (station.staging / "half.partial").write_bytes(b"left")
    station.judge_whole(tally, job)
    assert any("half.partial" in what for what in tally.bad_accepted)
