"""Restores beside a game at full speed are proven, all of them; and however they are killed, nothing is mixed or lost."""

import os
import random
import statistics
from pathlib import Path

import pytest

from fleetsave.local.game import check_game
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_records import SwapMethod
from tests.fixtures.game import running_game
from tests.fixtures.restores import Backup, KilledAgents, Restoring, deliver
from tests.soak.figures import record

RUNS = int(os.environ.get("FLEETSAVE_SOAK_RUNS", "100"))
RESTORES = max(1, RUNS // 2)

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600), pytest.mark.parametrize("journal_mode", ["wal", "delete"])]


def test_every_restore_beside_a_running_game_is_proven(restoring: Restoring, tmp_path: Path, journal_mode: str) -> None:
    bad: list[str] = []
    seconds: list[float] = []
    moved_on = 0
    with running_game(tmp_path / "a.db", journal_mode=journal_mode, world_megabytes=4) as game:
        for number in range(RESTORES):
            backup = Backup(game.path, tmp_path / f"backup {number % 3}.db")
            restorer = restoring.restorer(backup, game.path)
            restorer.survey()
            deliver(restorer, backup)
            report = restorer.swap(SwapMethod.IN_PLACE)
            seconds.append(report.seconds)
            moved_on += report.moved_on
            bad += [str(finding) for finding in restorer.verify() if finding.outcome is not Outcome.PASSED]
            restorer.clean_up()
            seen = Backup(game.path, tmp_path / "seen.db")
            bad += check_game(seen.path)
            for path in (backup.path, seen.path):
                path.unlink()
        status = game.status
    bad += check_game(game.path)
    record(
        "restores beside a writer",
        journal_mode=journal_mode,
        restores=RESTORES,
        proven=RESTORES - len(bad),
        written_before_the_comparison=moved_on,
        failed_writes=status.busy_errors,
        longest_write_seconds=round(status.longest_write_seconds, 3),
        median_swap_seconds=round(statistics.median(seconds), 3),
        longest_swap_seconds=round(max(seconds), 3),
    )
    assert bad == []
    assert status.busy_errors == 0 or journal_mode == "delete"


def test_whatever_is_killed_within_a_restore_nothing_is_mixed_or_lost(
    restoring: Restoring, tmp_path: Path, journal_mode: str
) -> None:
    seed = random.randrange(1 << 32)
    with running_game(tmp_path / "a.db", journal_mode=journal_mode, rate=100, world_megabytes=4) as game:
        backup = Backup(game.path, tmp_path / "backup.db")
        killed = KilledAgents(restoring, backup, game.path, random.Random(seed))
        while killed.kills < RUNS:
            killed.restore_once()
    killed.mixed += check_game(game.path)
    record(
        "kill -9 within a restore",
        seed=seed,
        journal_mode=journal_mode,
        kills=killed.kills,
        restores_ended=killed.restores,
        roll_backs=killed.roll_backs,
        mixed=len(killed.mixed),
        lost=len(killed.lost),
        other_problems=len(killed.others),
    )
    assert killed.problems == []
