"""The published figure for recoveries of PostgreSQL whose worker is killed at random moments, while applications write."""

import os
import random
import time
from collections import Counter

import pytest

from fleetsave.model.recoveries import FINAL
from tests.fixtures.dumping import DATABASE
from tests.fixtures.postgres_clients import TABLE, Clients
from tests.fixtures.recovering_postgres import RecoveringPostgres
from tests.integration.recover.test_postgresql_killed import at_the_end, right_after
from tests.soak.figures import record

RUNS = max(3, int(os.environ.get("FLEETSAVE_SOAK_RUNS", "100")))

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


def test_killed_at_random_moments_a_recovery_leaves_the_old_database_or_the_new(central: RecoveringPostgres) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    at: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    missed = 0
    central.psql(f"{TABLE}; CREATE TABLE state AS SELECT 'then' AS value, g FROM generate_series(1, 20000) g")
    central.back_up()
    with Clients(central.dumping.server, DATABASE) as clients:
        central.run_to_the_end(central.ask())  # the first one also starts the process that the others are forked from
        began = time.monotonic()
        central.run_to_the_end(central.ask())
        undisturbed = time.monotonic() - began
        while at.total() < RUNS:
            central.psql("UPDATE state SET value = 'now'")
            recovery = central.ask()
            running = central.start(recovery)
            time.sleep(chance.uniform(0, undisturbed))  # the moment to be tested, not a wait for anything
            if not running.is_alive:
                missed += 1
                assert missed <= RUNS, "the moments do not fall into the recoveries"
                continue
            running.kill()
            running.process.join(120)
            wrong += right_after(central)
            at[central.recoveries.load(recovery.id).records[-1].state] += 1
            ended = central.run_to_the_end(recovery)
            central.start(recovery).wait()  # the message comes again, which changes nothing
            ends[next(one.state for one in ended.records if one.state in FINAL)] += 1
            wrong += at_the_end(central, ended, clients)
            for name in central.databases() - {DATABASE}:
                central.dumping.server.psql(f'DROP DATABASE "{name}" WITH (FORCE)')
        clients.wait_for(5)
    record(
        "kill -9 during a recovery of PostgreSQL",
        seed=seed,
        kills=at.total(),
        interrupted_at=dict(at),
        ended=dict(ends),
        wrong=wrong[:10],
        refused_clients=len(clients.refused),
        longest_gap_seconds=round(clients.longest_gap, 2),
    )
    assert wrong == []
    assert clients.refused == []
    assert ends.total() == RUNS
