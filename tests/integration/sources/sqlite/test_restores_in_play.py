"""A restore while the game plays, while others hold locks, and while agents are killed: old or new, never mixed."""

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create, last_payment
from fleetsave.model.errors import RestoreError
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_records import SwapMethod
from tests.fixtures.game import running_game
from tests.fixtures.restores import Backup, KilledAgents, Restoring, deliver, left_beside, refusal


def holding(path: Path, *statements: str) -> subprocess.Popen[bytes]:
    """Run statements in a process of its own, which then keeps its locks until its input ends."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for statement in sys.argv[2:]: c.execute(statement).fetchall()\n"
        "print(flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), *statements], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_game_at_full_speed_goes_on_from_what_was_restored(restoring: Restoring, tmp_path: Path, journal_mode: str) -> None:
    with running_game(tmp_path / "a.db", journal_mode=journal_mode, world_megabytes=2) as game:
        game.process.wait_until(lambda: game.acknowledged > 10)
        backup = Backup(game.path, tmp_path / "backup.db")
        restorer = restoring.restorer(backup, game.path)
        assert any(f"pid {game.process.pid} " in name for name in restorer.survey().open_by)
        deliver(restorer, backup)
        report = restorer.swap(SwapMethod.IN_PLACE)
        findings = restorer.verify()
        assert {finding.outcome for finding in findings} == {Outcome.PASSED}
        assert report.moved_on or report.fingerprint == backup.fingerprint
        restorer.clean_up()
        after = game.status
        game.process.wait_until(lambda: game.acknowledged != after.acknowledged)
    assert check_game(game.path, at_least=last_payment(backup.path)) == []
    if journal_mode == "wal":
        assert game.status.busy_errors == 0
        assert game.process.exit_code == 0
    assert left_beside(game.path) == []


def test_an_open_reader_keeps_its_snapshot_and_then_sees_what_was_restored(
    restoring: Restoring, backup: Backup, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    create(path, "wal")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        count = "SELECT count(*) FROM ledger"
        assert reader.execute(count).fetchone() == (0,)
        restoring.delivered(backup, path).swap(SwapMethod.IN_PLACE)
        assert reader.execute(count).fetchone() == (0,)
        reader.execute("COMMIT")
        assert reader.execute(count).fetchone() == (last_payment(backup.path),)


def test_a_database_that_stays_locked_is_left_alone_and_the_swap_may_be_tried_again(
    restoring: Restoring, backup: Backup, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    create(path, "delete")
    restorer = restoring.delivered(backup, path, deadline=2)
    with holding(path, "BEGIN EXCLUSIVE") as holder:
        refused = refusal(restorer, SwapMethod.IN_PLACE)
        assert (refused.reason, refused.retryable) == ("locked", True)
        holder.kill()
    assert last_payment(path) == 0
    restorer.swap(SwapMethod.IN_PLACE)
    assert check_game(path, at_least=last_payment(backup.path)) == []


def test_a_database_that_shuts_everybody_out_is_refused_by_name(restoring: Restoring, backup: Backup, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    create(path, "wal")
    with holding(path, "PRAGMA locking_mode=EXCLUSIVE", "DELETE FROM world") as holder:
        refused = refusal(restoring.restorer(backup, path, deadline=1))
        assert (refused.reason, refused.retryable) == ("exclusive_lock", True)
        holder.kill()


def test_a_file_that_is_open_is_not_set_aside_and_whoever_has_it_open_is_named(
    restoring: Restoring, backup: Backup, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"garbage")
    restorer = restoring.delivered(backup, path)
    holder = subprocess.Popen(["sleep", "60"], stdin=path.open("rb"))
    try:
        refused = refusal(restorer, SwapMethod.SET_ASIDE)
    finally:
        holder.kill()
        holder.wait()
    assert (refused.reason, refused.retryable) == ("in_use", False)
    assert f"pid {holder.pid} (sleep)" in refused.cause
    assert path.read_bytes() == b"garbage"
    restorer.swap(SwapMethod.SET_ASIDE)
    assert check_game(path) == []


def test_a_second_agent_waits_for_the_first_or_gives_up(restoring: Restoring, backup: Backup, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    create(path, "wal")
    restorer = restoring.delivered(backup, path, deadline=1)
    (place,) = [file for file in tmp_path.iterdir() if file.name.startswith(".fleetsave")]
    code = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], 0), 2); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:  # fmt: skip
        assert first.stdout is not None
        first.stdout.readline()
        refused = refusal(restorer, SwapMethod.IN_PLACE)
        assert (refused.reason, refused.retryable) == ("busy", True)
        killer = threading.Timer(0.4, first.kill)
        killer.start()
        restorer.swap(SwapMethod.IN_PLACE)
        killer.join()


def test_a_full_disk_leaves_the_database_as_it_was(restoring: Restoring, backup: Backup, small_disk: Path) -> None:
    path = small_disk / "a.db"
    create(path, "wal")
    refused = refusal(restoring.restorer(backup, path))
    assert refused.reason == "no_room"
    assert "bytes are needed" in refused.cause
    filler = small_disk / "filler"
    restorer = restoring.restorer(backup, path)
    deliver(restorer, backup)
    free = shutil.disk_usage(small_disk).free
    filler.write_bytes(bytes(free - 4096))
    with pytest.raises(RestoreError) as full:
        restorer.swap(SwapMethod.IN_PLACE)
    assert full.value.reason == "disk_full"
    filler.unlink()
    assert last_payment(path) == 0
    restorer.swap(SwapMethod.IN_PLACE)
    assert check_game(path, at_least=last_payment(backup.path)) == []


def test_a_disk_that_fills_up_while_the_copy_arrives_is_told_as_such(
    restoring: Restoring, tmp_path: Path, small_disk: Path
) -> None:
    create(tmp_path / "large.db", "wal", world_megabytes=4)
    backup = Backup(tmp_path / "large.db", tmp_path / "backup.db")
    restorer = restoring.restorer(backup, small_disk / "a.db")
    with pytest.raises(RestoreError) as refused:
        restorer.receive(0, backup.chunks(), lambda _: None)
    assert refused.value.reason == "disk_full"
    assert list(small_disk.glob("a.db*")) == []


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_agents_killed_at_random_leave_the_database_old_or_new(restoring: Restoring, tmp_path: Path, journal_mode: str) -> None:
    chance = random.Random(time.time_ns())
    with running_game(tmp_path / "a.db", journal_mode=journal_mode, rate=50, world_megabytes=2) as game:
        backup = Backup(game.path, tmp_path / "backup.db")
        killed = KilledAgents(restoring, backup, game.path, chance)
        while killed.kills < 6:
            killed.restore_once()
    assert killed.problems == []
    assert check_game(game.path) == []
