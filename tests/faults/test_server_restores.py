"""Fault 31: a backup is restored while the game writes: what stands there is whole, and no write of the game fails."""

import statistics
from pathlib import Path

import pytest

from fleetsave.local.game import check_game
from fleetsave.model.errors import RestoreError
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_records import SwapMethod
from tests.faults.scoring import FINISHES, scored
from tests.fixtures.game import running_game
from tests.fixtures.restores import Backup, Restoring, deliver


@FINISHES
@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_restores_beside_a_game_at_full_speed(restoring: Restoring, tmp_path: Path, journal_mode: str) -> None:
    seconds: list[float] = []
    refused = 0
    with (
        scored(31, "rollback journal" if journal_mode == "delete" else "WAL", share=2) as tally,
        running_game(tmp_path / "a.db", journal_mode=journal_mode) as game,
    ):
        for _ in tally.each():
            backup = Backup(game.path, tmp_path / "backup.db")
            wanted = game.acknowledged + tally.chance.randint(1, 30)
            game.process.wait_until(lambda wanted=wanted: game.acknowledged >= wanted, timeout=60)  # type: ignore[misc]  # bound now, for the loop goes on
            restorer = restoring.restorer(backup, game.path)
            deliver(restorer, backup)
            try:
                seconds.append(restorer.swap(SwapMethod.IN_PLACE).seconds)
            except RestoreError as error:
                refused += 1
                tally.lose(f"refused: {error}")
            for finding in restorer.verify():
                if finding.outcome is not Outcome.PASSED:
                    tally.accepted(str(finding))
            restorer.clean_up()
            seen = Backup(game.path, tmp_path / "seen.db")
            for problem in check_game(seen.path):
                tally.accepted(problem)
            for path in (backup.path, seen.path):
                path.unlink()
        status = game.status
        if status.busy_errors:
            tally.lose(f"{status.busy_errors} writes of the game failed")
        tally.seen |= {
            "longest write of the game in seconds": round(status.longest_write_seconds, 3),
            "median swap in seconds": round(statistics.median(seconds), 3), "longest swap in seconds": round(max(seconds), 3),
        }  # fmt: skip
    assert check_game(game.path) == []
