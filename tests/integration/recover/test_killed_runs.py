"""Recover, or its server's sessions and agents, killed at any moment: the live database is old or new, never a mixture."""

import random
import time
from collections.abc import Iterator

import pytest

from fleetsave.model.recovery_records import RecoveryState
from tests.fixtures.game import RunningGame, running_game
from tests.fixtures.recovering import Recovering

KILLED = ("worker", "sshd", "python")
"""Our own process, the server's SSH sessions, or what they run there."""


@pytest.fixture(scope="module")
def game(recovering: Recovering) -> Iterator[RunningGame]:
    with running_game(recovering.database, rate=100, world_megabytes=2) as game:
        recovering.back_up()
        yield game


def test_a_recovery_brings_the_backup_back_while_the_game_writes(recovering: Recovering, game: RunningGame) -> None:
    game.process.wait_until(lambda: game.acknowledged > 300)
    recovery = recovering.run_to_the_end(recovering.ask())
    assert recovery.has(RecoveryState.RECOVERED), recovery.records[-1].problem
    assert recovering.live_payments() < 300
    assert recovering.live_problems() == []
    assert recovering.safety_problems(recovery) == []
    assert recovering.left_beside() == []
    assert game.status.busy_errors == 0


@pytest.mark.parametrize("killed", KILLED)
def test_killed_at_any_moment_the_live_database_is_never_a_mixture(
    recovering: Recovering, game: RunningGame, killed: str
) -> None:
    chance = random.Random(killed)
    for _ in range(3):
        assert kill_once(recovering, killed, chance.uniform(0.05, 1.5)) == []
    assert game.process.is_running


def kill_once(recovering: Recovering, killed: str, after: float) -> list[str]:
    """Kill something in the middle of a recovery, let it be taken up again, and return what is wrong."""
    recovery = recovering.ask()
    running = recovering.start(recovery)
    time.sleep(after)  # the moment to be tested, not a wait for anything
    if killed == "worker":
        running.kill()
    else:
        recovering.ssh.kill_commands(killed)
    problems = [f"right after: {problem}" for problem in recovering.live_problems()]
    running.process.join(120)
    ended = recovering.run_to_the_end(recovery)
    problems += [f"at the end: {problem}" for problem in recovering.live_problems()]
    problems += [f"safety backup: {problem}" for problem in recovering.safety_problems(ended)]
    if not (ended.has(RecoveryState.RECOVERED) or ended.has(RecoveryState.ROLLED_BACK) or ended.has(RecoveryState.FAILED)):
        problems.append(f"ended as {ended.records[-1].state}")
    return problems + [f"left: {name}" for name in recovering.left_beside()]
