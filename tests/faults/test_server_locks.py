"""Fault 5: somebody who holds the database's lock has been stopped: refused within the limit, and captured once he is gone."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleetsave.local.game import create
from fleetsave.model.errors import CaptureError
from tests.faults.scoring import Tally, scored
from tests.fixtures.fault_station import FaultStation, stand_in_tally

DEADLINE = 0.2
RETRY_EVERY = 3
SLACK = 10.0
"""Seconds; what a run takes besides the deadline, on a machine with much to do."""

HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchall()
print("held", flush=True)
time.sleep(600)
"""
UPDATE = "UPDATE accounts SET balance = balance"
SHUT = ("PRAGMA locking_mode=EXCLUSIVE", UPDATE)


@contextmanager
def stopped_holder(path: Path, *statements: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Let another process hold the database after these statements, and stop it as a debugger would."""
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", HOLDER, str(path), *statements], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        process.send_signal(signal.SIGSTOP)
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("variant", "journal_mode", "statements", "reason"),
    [
        ("rollback journal, EXCLUSIVE", "delete", ("BEGIN EXCLUSIVE", UPDATE), "locked"),
        ("WAL, shut by locking_mode", "wal", SHUT, "exclusive_lock"),
        ("WAL, EXCLUSIVE, which keeps no reader out", "wal", ("BEGIN EXCLUSIVE", UPDATE), None),
    ],
)
def test_a_lock_whose_holder_is_stopped(
    station: FaultStation, tmp_path: Path, variant: str, journal_mode: str, statements: tuple[str, ...], reason: str | None
) -> None:
    path = tmp_path / "world.db"
    create(path, journal_mode)
    station.protect(path, deadline=f"{DEADLINE}s")
    longest = 0.0
    with scored(5, variant, share=3) as tally:
        for number in tally.each():
            job = station.next_job()
            before = path.read_bytes()
            with stopped_holder(path, *statements):
                started = time.monotonic()
                error = station.attempt(job)
                longest = max(longest, time.monotonic() - started)
            judge_refusal(tally, error, reason)
            station.judge_failed(tally, job)
            if path.read_bytes() != before:
                tally.accepted("the database was written")
            if number % RETRY_EVERY == 0:
                station.protect(path)
                if (again := station.attempt(job)) is not None:
                    tally.lose(f"the retry failed: {again}")
                station.protect(path, deadline=f"{DEADLINE}s")
                station.judge_whole(tally, job)
        tally.seen |= {"deadline in seconds": DEADLINE, "longest run in seconds": round(longest, 2)}
    assert longest < DEADLINE + SLACK


def judge_refusal(tally: Tally, error: Exception | None, reason: str | None) -> None:
    if reason is None:
        if error is not None:
            tally.lose(f"a reader was kept out: {error}")
    elif not isinstance(error, CaptureError) or error.reason != reason or not error.retryable:
        tally.accepted(f"not refused as {reason}, to be tried again: {error!r}")


def test_a_lock_that_nobody_holds_would_be_told_from_one_that_is_held(station: FaultStation, tmp_path: Path) -> None:
    create(tmp_path / "world.db", "delete")
    station.protect(tmp_path / "world.db")
    tally = stand_in_tally(5)
    judge_refusal(tally, station.attempt(station.next_job()), "locked")
    assert tally.bad_accepted
