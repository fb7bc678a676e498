"""The published figure for kill -9 of collect: what the retries made of it, and what was left behind."""

import os
import random
from typing import Any

import pytest

from fleetsave.model.jobs import Job
from tests.fixtures.collecting import Collecting
from tests.fixtures.game import running_game
from tests.fixtures.killing import kill_points
from tests.soak.figures import record

RUNS = max(4, int(os.environ.get("FLEETSAVE_SOAK_RUNS", "20")))
AT_RANDOM_MOMENTS = RUNS // 4
MEGABYTES = 40
MOST_KILLS_MISSED = 5

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


def test_every_killed_run_is_taken_up_again(collecting: Collecting) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    identical = orphaned = at_random = missed = 0
    problems: list[str] = []
    with running_game(collecting.database, rate=100, world_megabytes=MEGABYTES) as game:
        (undisturbed,) = collecting.run_to_the_end(collecting.next_job())
        calls = undisturbed.store_calls
        moments: list[dict[str, Any]] = [point.settings(calls) for point in kill_points(calls, RUNS - AT_RANDOM_MOMENTS)]
        while moments or at_random < AT_RANDOM_MOMENTS:
            settings = moments.pop() if moments else {"kill_in": chance.uniform(0, undisturbed.seconds)}
            job, acknowledged = collecting.next_job(), game.acknowledged
            if collecting.run(job, **settings) is not None:
                missed += 1  # it had ended before; another moment takes its place
                assert missed <= MOST_KILLS_MISSED
                continue
            at_random += "kill_in" in settings
            found = after_the_retry(collecting, job, acknowledged)
            identical += not found
            problems += [f"{settings}: {found}"] if found else []
            orphaned += collecting.orphaned_uploads()
            collecting.forget(job)
    record(
        "kill -9 of collect",
        seed=seed,
        runs=RUNS,
        killed_at_random_moments=at_random,
        byte_identical=identical,
        orphaned_uploads=orphaned,
        snapshots_left=len(collecting.snapshots),
    )
    assert problems == []
    assert (identical, orphaned, collecting.snapshots) == (RUNS, 0, [])


def after_the_retry(collecting: Collecting, job: Job, acknowledged: int) -> str:
    """Return what is wrong once collect has been run again; nothing means one whole backup and nothing else."""
    try:
        collecting.run_to_the_end(job)
        collecting.require_whole(job, at_least=acknowledged)
    except (AssertionError, RuntimeError) as error:
        return str(error)[-1000:]
    return ""
