"""Fault 33: something stands where the database should be that is none, or an odd one: refused by its reason, or whole."""

import hashlib
import shutil
import time
from pathlib import Path

from fleetsave.model.errors import CaptureError
from tests.fakes.memory_store import MemoryStore
from tests.faults.scoring import FINISHES, Tally, scored
from tests.fixtures.fault_station import FaultStation, stand_in_tally
from tests.fixtures.odd_files import ODD_FILES, WHOLE, Odd, good

RETRY_EVERY = 5
LARGEST_TO_HASH = 1 << 30


def digests(folder: Path) -> dict[str, str]:
    """Return what every file of ordinary size holds, but for a -shm, and an empty -wal, which readers may make."""
    files = [file for file in folder.iterdir() if file.is_file() and not file.name.endswith("-shm")]
    files = [file for file in files if 0 < file.stat().st_size < LARGEST_TO_HASH]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def judge(station: FaultStation, tally: Tally, what: str, odd: Odd, path: Path) -> str:
    """Run collect on what stands at `path`, note what is wrong with its answer, and return the reason."""
    before, job = digests(path.parent), station.next_job()
    error = station.attempt(job)
    if error is None:
        station.judge_whole(tally, job)
    else:
        station.judge_failed(tally, job)
    station.judge_left(tally, job)
    reason = error.reason or "?" if isinstance(error, CaptureError) else WHOLE if error is None else repr(error)
    if reason not in odd.reasons:
        tally.accepted(f"{what}: {reason or 'captured'}, not {sorted(odd.reasons)}")
    if digests(path.parent) != before:
        tally.accepted(f"{what}: it was changed")
    return reason


@FINISHES
def test_whatever_stands_for_a_database(station: FaultStation, tmp_path: Path) -> None:
    folder = tmp_path / "game"
    path = folder / "world.db"
    station.protect(path, deadline="2s", lock_limit="1s")
    reasons: dict[str, int] = {}
    longest = 0.0
    with scored(33) as tally:
        kinds = list(ODD_FILES)
        for number in tally.each():
            what = kinds[number % len(kinds)]
            station.store = MemoryStore(minimum_part_size=1)  # no history, beside which an odd one would be suspect
            folder.mkdir()
            ODD_FILES[what].make(path, tally.chance)
            started = time.monotonic()
            reason = judge(station, tally, what, ODD_FILES[what], path)
            longest = max(longest, time.monotonic() - started)
            reasons[reason or "captured whole"] = reasons.get(reason or "captured whole", 0) + 1
            shutil.rmtree(folder)
            if number % RETRY_EVERY == 0:
                mend(station, tally, path)
        tally.seen |= {"kinds": len(kinds), **reasons, "longest run in seconds": round(longest, 2)}


def mend(station: FaultStation, tally: Tally, path: Path) -> None:
    """Put a database where it should be, and have it captured."""
    path.parent.mkdir()
    good(path)
    station.store = MemoryStore(minimum_part_size=1)
    job = station.next_job()
    if (error := station.attempt(job)) is not None:
        tally.lose(f"what is right again is refused: {error}")
    station.judge_whole(tally, job)
    shutil.rmtree(path.parent)


def test_an_odd_file_that_passed_for_a_database_would_be_seen(station: FaultStation, tmp_path: Path) -> None:
    tally, path = stand_in_tally(33), tmp_path / "game" / "world.db"
    path.parent.mkdir()
    good(path)
    station.protect(path)
    judge(station, tally, "a good one", Odd(ODD_FILES["encrypted"].make, frozenset({"not_a_database"})), path)
    assert tally.bad_accepted == ["a good one: captured, not ['not_a_database']"]
