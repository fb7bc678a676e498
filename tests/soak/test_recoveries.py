"""The published figure for recoveries killed at random moments: the worker, the server's SSH sessions, or what runs there."""

import os
import random
import time
from collections import Counter

import pytest

from fleetsave.model.recoveries import FINAL, Recovery
from tests.fixtures.game import running_game
from tests.fixtures.recovering import Recovering
from tests.soak.figures import record

RUNS = max(3, int(os.environ.get("FLEETSAVE_SOAK_RUNS", "200")))
KILLED = {"worker": "worker", "sshd": "ssh_session", "python": "agent"}
MOST_MISSED = RUNS

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


def test_killed_at_random_moments_a_recovery_leaves_the_old_database_or_the_new(recovering: Recovering) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    kills: Counter[str] = Counter()
    at: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    mixed, lost, left, missed = [], [], [], 0
    with running_game(recovering.database, rate=100, world_megabytes=8) as game:
        recovering.back_up()
        began = time.monotonic()
        recovering.run_to_the_end(recovering.ask())
        undisturbed = time.monotonic() - began
        while sum(kills.values()) < RUNS:
            what = list(KILLED)[sum(kills.values()) % len(KILLED)]
            recovery = recovering.ask()
            if not killed(recovering, recovery, what, chance, undisturbed):
                missed += 1
                assert missed <= MOST_MISSED, "the moments do not fall into the recoveries"
                continue
            kills[KILLED[what]] += 1
            interrupted = recovering.recoveries.load(recovery.id)
            at[interrupted.records[-1].state] += 1
            mixed += recovering.live_problems()
            ended = recovering.run_to_the_end(recovery)
            ends[next(one.state for one in ended.records if one.state in FINAL)] += 1
            causes.update(f"{one.problem.reason}: {one.problem.cause}" for one in ended.records if one.problem)
            mixed += recovering.live_problems()
            lost += recovering.safety_problems(ended)
            left += recovering.left_beside()
        busy_errors, is_playing = game.status.busy_errors, game.process.is_running
    record(
        "kill -9 during a recovery",
        seed=seed,
        kills=sum(kills.values()),
        killed=dict(kills),
        interrupted_at=dict(at),
        ended=dict(ends),
        why_not_recovered=dict(causes),
        mixed=len(mixed),
        safety_copies_lost=len(lost),
        left_behind=len(left),
        game_write_errors=busy_errors,
    )
    assert (mixed, lost, left) == ([], [], [])
    assert sum(ends.values()) == RUNS
    assert is_playing


def killed(recovering: Recovering, recovery: Recovery, what: str, chance: random.Random, undisturbed: float) -> bool:
    """Begin a run, kill something at a random moment, wait for the run's end, and tell whether there was anything to kill."""
    running = recovering.start(recovery)
    time.sleep(chance.uniform(0, undisturbed))  # the moment to be tested, not a wait for anything
    found = False
    while running.is_alive and not found:
        if what == "worker":
            running.kill()
            found = True
        else:
            # Agents come and go: it is looked for some at random moments, until there are any.
            found = recovering.ssh.kill_commands(what) > 0
            if not found:
                time.sleep(chance.uniform(0.02, 0.4))
    running.process.join(120)
    if not found:
        recovering.run_to_the_end(recovery)
    return found
