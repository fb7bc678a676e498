"""Recover killed at any moment while applications write: the name leads to the old database or to the new one, always."""

import os
import random
import signal
import time

import pytest

from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_jobs import RecoveryJob
from fleetsave.model.recovery_records import RecoveryState
from fleetsave.recover import room
from fleetsave.sources.postgres import making, renaming, standing, swapping
from tests.fixtures.dumping import DATABASE
from tests.fixtures.postgres_clients import TABLE, Clients
from tests.fixtures.recovering_postgres import RecoveringPostgres

ENDS = (RecoveryState.RECOVERED, RecoveryState.ROLLED_BACK, RecoveryState.FAILED)
MOMENTS = (
    (standing, "mark_begun", False),
    (making, "restore", True),
    (standing, "mark_whole", False),
    (standing, "mark_whole", True),
    (swapping, "rename", False),
    (renaming, "_end_sessions", False),
    (swapping, "rename", True),
    (swapping, "finish", False),
)
"""Calls right before which, or right after which, the worker is killed: between them lies every change on the server."""


@pytest.fixture
def backed_up(shared_central: RecoveringPostgres) -> RecoveringPostgres:
    central = shared_central
    central.start_anew()
    central.psql(f"{TABLE}; CREATE TABLE state AS SELECT 'then' AS value, g FROM generate_series(1, 2000) g")
    central.back_up()
    central.psql("UPDATE state SET value = 'now'")
    return central


@pytest.mark.parametrize(("module", "name", "after"), MOMENTS, ids=lambda given: given if isinstance(given, str) else "")
def test_killed_around_a_change_on_the_server(backed_up: RecoveringPostgres, module: object, name: str, *, after: bool) -> None:
    with Clients(backed_up.dumping.server, DATABASE) as clients:
        recovery = backed_up.ask()
        die_in(backed_up, recovery, module, name, after=after)
        assert right_after(backed_up) == []
        clients.wait_for(5)
        ended = backed_up.run_here(recovery)
        assert ended.has(RecoveryState.RECOVERED), ended.records[-1].problem
        assert at_the_end(backed_up, ended, clients) == []


def test_killed_at_a_random_moment(backed_up: RecoveringPostgres) -> None:
    chance = random.Random("postgresql")
    with Clients(backed_up.dumping.server, DATABASE) as clients:
        for _ in range(2):
            assert kill_once(backed_up, clients, chance.uniform(0.2, 2.5)) == []


def kill_once(central: RecoveringPostgres, clients: Clients, after: float) -> list[str]:
    """Kill a worker after so many seconds, let the recovery be taken up again, and return what is wrong."""
    central.psql("UPDATE state SET value = 'now'")
    recovery = central.ask()
    running = central.start(recovery)
    time.sleep(after)  # the moment to be tested, not a wait for anything
    running.kill()
    running.process.join(60)
    problems = [f"right after: {problem}" for problem in right_after(central)]
    ended = central.run_to_the_end(recovery)
    central.start(recovery).wait()  # the message comes again, which changes nothing
    return problems + at_the_end(central, ended, clients)


def right_after(central: RecoveringPostgres) -> list[str]:
    """Return what is wrong with the live database at any moment."""
    value = distinct_value(central)
    closed = central.psql("SELECT datname FROM pg_database WHERE NOT datallowconn AND datname <> 'template0'", "postgres")
    return [f"mixed: {value}"] * (value not in ("now", "then")) + [f"closed: {closed}"] * bool(closed)


def distinct_value(central: RecoveringPostgres) -> str:
    """Ask the live database as any application does, which connects again when it met the very moment of the renames."""
    try:
        return central.psql("SELECT DISTINCT value FROM state")
    except RuntimeError as error:
        if "just been dropped or renamed" not in str(error):
            raise
    return central.psql("SELECT DISTINCT value FROM state")


def at_the_end(central: RecoveringPostgres, ended: Recovery, clients: Clients) -> list[str]:
    """Return what is wrong once a recovery has ended."""
    problems = right_after(central)
    if ended.records[-1].state not in ENDS:
        problems.append(f"ended as {ended.records[-1].state}")
    if ended.has(RecoveryState.RECOVERED) != (central.psql("SELECT DISTINCT value FROM state") == "then"):
        problems.append("what is there is not what the records say")
    left = sorted(name for name in central.databases() if "_fleetsave_" in name)
    problems += [f"left: {name}" for name in left] + [f"marked: {mark}" for mark in central.marks().splitlines()]
    return problems + [f"a client was refused: {words}" for words in clients.refused]


def die_in(central: RecoveringPostgres, recovery: Recovery, module: object, name: str, *, after: bool) -> None:
    """Run a recovery in a child of ours that is killed around the first call of a function."""
    child = os.fork()
    if child == 0:
        whole = getattr(module, name)

        def last_call(*given: object, **named: object) -> object:
            result = whole(*given, **named) if after else None
            os.kill(os.getpid(), signal.SIGKILL)
            return result

        try:
            setattr(module, name, last_call)
            room.recover(RecoveryJob(recovery.id), central.ports(recovery))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{name} was never called"
