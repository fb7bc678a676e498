"""Faults 6 and 7: the writer is killed in the middle of its work, or writes as fast as it can: every capture is whole and new."""

import hashlib
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create, last_payment
from fleetsave.model.records import CaptureReport
from tests.faults.scoring import Tally, scored
from tests.faults.test_server_disk import leave_free
from tests.fixtures.fault_station import FaultStation, key_of, stand_in_tally
from tests.fixtures.game import RunningGame, running_game

SUFFIXES = ("", "-wal", "-journal")

WRITER = """
import sqlite3, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from fleetsave.local.game import Game
game = Game(Path(sys.argv[1]), 0)
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size=2")
for _ in range(int(sys.argv[2])):
    game._pay(connection)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE accounts SET balance = balance + 1")
connection.execute("UPDATE world SET block = randomblob(length(block))")
print("spilled", flush=True)
time.sleep(600)
"""
Kill = Callable[[Path, str, Tally], None]
LAYER = Path(__file__).resolve().parents[2] / "layers" / "fleetsave"


@pytest.fixture(params=["wal", "delete"])
def journal_mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def kill_at_full_speed(path: Path, journal_mode: str, tally: Tally) -> None:
    """Let the game write, and kill it after some payments, wherever it is."""
    with running_game(path, journal_mode=journal_mode) as game:
        wanted = game.acknowledged + tally.chance.randint(1, 60)
        game.process.wait_until(lambda: game.acknowledged >= wanted)
        game.process.signal(signal.SIGKILL)


def kill_within_a_transaction(path: Path, journal_mode: str, tally: Tally) -> None:
    """Let a writer make payments, and kill it once a transaction larger than its cache has reached the files."""
    create(path, journal_mode)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT OR IGNORE INTO world VALUES (0, randomblob(200000))")
        connection.commit()
    command = [sys.executable, "-c", WRITER, str(path), str(tally.chance.randint(1, 30)), str(LAYER)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == b"spilled\n"
        writer.kill()


def digests(path: Path) -> dict[str, str]:
    files = [path.with_name(path.name + suffix) for suffix in SUFFIXES]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.exists()}


def recovered(path: Path, folder: Path) -> Path:
    """Return what SQLite makes of a copy of all files: the last commit that anybody can have been told of."""
    folder.mkdir(exist_ok=True)
    copy = folder / "recovered.db"
    for suffix in SUFFIXES:
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)
        if path.with_name(path.name + suffix).exists():
            shutil.copy(path.with_name(path.name + suffix), copy.with_name(copy.name + suffix))
    return copy


@pytest.mark.parametrize("kill", [kill_at_full_speed, kill_within_a_transaction])
def test_what_a_killed_writer_acknowledged_is_captured(
    station: FaultStation, tmp_path: Path, journal_mode: str, kill: Kill
) -> None:
    way, mode = "at full speed" if kill is kill_at_full_speed else "within a transaction", rollback_or_wal(journal_mode)
    left = dict.fromkeys(SUFFIXES[1:], 0)
    with scored(6, f"killed {way}, {mode}", share=4) as tally:
        for number in tally.each():
            folder = tmp_path / str(number)
            folder.mkdir()
            path = folder / "world.db"
            kill(path, journal_mode, tally)
            before = digests(path)
            for suffix in left:
                left[suffix] += f"{path.name}{suffix}" in before
            station.protect(path)
            job = station.next_job()
            if (error := station.attempt(job)) is not None:
                tally.lose(f"not captured: {error}")
            if digests(path) != before:
                tally.accepted(f"the source was changed: {sorted(before)} to {sorted(digests(path))}")
            station.judge_whole(tally, job, at_least=last_payment(recovered(path, folder / "aside")))
            shutil.rmtree(folder)
        tally.seen |= {f"{suffix} left": count for suffix, count in left.items() if count}
    assert sum(left.values()) >= tally.made // 4, "the faults must be met"


def rollback_or_wal(journal_mode: str) -> str:
    return "rollback journal" if journal_mode == "delete" else "WAL"


def test_the_main_file_alone_of_a_killed_writer_would_be_caught(tmp_path: Path) -> None:
    """What a plain copy takes: integrity_check may be content with it, and the game's own books are not."""
    tally = stand_in_tally(6)
    path = tmp_path / "world.db"
    kill_within_a_transaction(path, "delete", tally)
    alone = tmp_path / "alone.db"
    shutil.copy(path, alone)
    assert check_game(alone)
    assert not check_game(recovered(path, tmp_path / "aside"))


@pytest.mark.parametrize("way", ["frozen", "held"])
def test_every_capture_beside_a_writer_at_full_speed_is_whole(
    station: FaultStation, tmp_path: Path, small_disk: Path, journal_mode: str, way: str
) -> None:
    if way == "held":
        leave_free(small_disk, 0)
        station.staging = small_disk / "staging"
        station.server["staging"] = str(station.staging)
    longest = 0.0
    methods: set[str] = set()
    with (
        scored(7, f"{way}, {rollback_or_wal(journal_mode)}", share=4) as tally,
        running_game(tmp_path / "world.db", journal_mode=journal_mode) as game,
    ):
        station.protect(game.path)
        for _ in tally.each():
            at_some_moment(game, tally)
            job, acknowledged = station.next_job(), game.acknowledged
            if (error := station.attempt(job)) is not None:
                tally.lose(f"not captured: {error}")
            station.judge_whole(tally, job, acknowledged)
            if error is None:
                capture = station.catalog.stored(key_of(job)).capture
                assert isinstance(capture, CaptureReport)
                longest = max(longest, capture.writer_stall_seconds)
                methods.add(capture.method)
        tally.seen |= {
            "methods": sorted(methods), "payments": game.acknowledged, "failed writes": game.status.busy_errors,
            "longest stall of the writer in seconds": round(longest, 3),
        }  # fmt: skip
    assert methods == {"backup" if way == "frozen" else "held_transaction"}
    assert check_game(game.path, at_least=game.acknowledged) == []


def at_some_moment(game: RunningGame, tally: Tally) -> None:
    """Wait for some further payments, so that no two captures meet the writer at the same place."""
    wanted = game.acknowledged + tally.chance.randint(1, 60)
    game.process.wait_until(lambda: game.acknowledged >= wanted, timeout=60)


def test_a_capture_that_is_not_new_enough_would_be_seen(station: FaultStation, tmp_path: Path) -> None:
    tally = stand_in_tally(7)
    with running_game(tmp_path / "world.db") as game:
        station.protect(game.path)
        job = station.next_job()
        assert station.attempt(job) is None
        last = last_payment(game.path)
    station.judge_whole(tally, job, at_least=last + 1)
    assert tally.lost
    assert not tally.bad_accepted
