"""A model of the catalog: whatever happens, in any order and cut off anywhere, what is listed as verified can be had back."""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.history import State
from tests.faults.scoring import IS_LONG
from tests.fixtures.catalog_promises import Promises
from tests.fixtures.catalog_world import HOUR, VERSIONS, CatalogWorld

EXAMPLES, STEPS = (300, 60) if IS_LONG else (60, 40)
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
SETTINGS = settings(
    max_examples=int(os.environ.get("FLEETSAVE_MACHINE_EXAMPLES", EXAMPLES)), stateful_step_count=STEPS, deadline=None,
    suppress_health_check=QUIET, phases=[Phase.explicit, Phase.reuse, Phase.generate],
)  # fmt: skip
"""A failing history is told as it was found: making it shorter takes minutes."""

_One = TypeVar("_One")
which = st.integers(0, 1 << 16)


def pick(things: Sequence[_One], number: int) -> _One:
    return things[number % len(things)]


class CatalogMachine(RuleBasedStateMachine):
    """The world, moved by rules; each that does work may have been told to die in it."""

    steps: ClassVar[int] = 0
    ends: ClassVar[Counter[str]] = Counter()
    """How many backups ended in each state, how many pieces of work died, how many recoveries there were."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = CatalogWorld(Path(self.folder.name))
        self.promises = Promises(self.world)

    @rule(version=st.integers(0, VERSIONS - 1), is_judged=st.booleans())
    def an_hour_passes_and_its_job_is_done(self, version: int, is_judged: bool) -> None:
        self.world.now += HOUR
        self.world.server.version = version
        self.world.schedule()
        self.world.collect(self.world.jobs.pop())
        if is_judged and self.world.events:
            self.world.verify(self.world.events[-1][0])

    @rule(version=st.integers(0, VERSIONS - 1))
    def the_schedule_fires(self, version: int) -> None:
        self.world.server.version = version
        self.world.schedule()

    @precondition(lambda self: self.world.jobs)
    @rule(number=which, comes_again=st.booleans())
    def a_job_is_delivered(self, number: int, comes_again: bool) -> None:
        job = pick(self.world.jobs, number)
        if not comes_again:
            self.world.jobs.remove(job)
        self.world.collect(job)

    @precondition(lambda self: self.world.events)
    @rule(number=which, comes_again=st.booleans())
    def an_event_is_delivered(self, number: int, comes_again: bool) -> None:
        key, force = pick(self.world.events, number)
        if not comes_again:
            self.world.events.remove((key, force))
        self.world.verify(key, force=force)

    @precondition(lambda self: self.world.events)
    @rule()
    def every_event_is_delivered(self) -> None:
        for key, force in dict.fromkeys(self.world.events):
            self.world.verify(key, force=force)

    @precondition(lambda self: self.world.events)
    @rule(number=which)
    def an_event_is_lost(self, number: int) -> None:
        self.world.events.remove(pick(self.world.events, number))

    @precondition(lambda self: self.world.stored_keys())
    @rule(number=which)
    def a_backup_is_read_again(self, number: int) -> None:
        self.world.verify(pick(self.world.stored_keys(), number), force=True)

    @precondition(lambda self: self.world.stored_keys())
    @rule(number=which, where=which)
    def a_bit_rots(self, number: int, where: int) -> None:
        self.world.rot(pick(self.world.stored_keys(), number), where)

    @precondition(lambda self: self.world.stored_keys())
    @rule(number=which)
    def an_object_vanishes(self, number: int) -> None:
        self.world.vanish(pick(self.world.stored_keys(), number))

    @rule(hours=st.integers(0, 12))
    def prune_runs(self, hours: int) -> None:
        self.world.now += hours * HOUR
        self.world.prune()

    @precondition(lambda self: self.world.stored_keys())
    @rule(number=which)
    def a_backup_is_pinned(self, number: int) -> None:
        self.world.pin(pick(self.world.stored_keys(), number))

    @precondition(lambda self: self.world.stored_keys() and self.world.running is None)
    @rule(number=which)
    def a_recovery_begins(self, number: int) -> None:
        self.world.begin_recovery(pick(self.world.stored_keys(), number))

    @rule()
    def recoveries_end(self) -> None:
        self.world.finish_recovery()

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    @rule()
    def the_watchdog_looks(self) -> None:
        self.world.now += timedelta(minutes=15)
        self.world.look()

    @rule(hours=st.sampled_from([-24 * 400, -2, 3, 24 * 400]))
    def the_next_ones_clock_is_wrong(self, hours: int) -> None:
        self.world.offset = hours * HOUR

    @rule(at=st.integers(1, 8), after=st.booleans())
    def the_next_one_dies(self, at: int, after: bool) -> None:
        self.world.dies_at = (at, after)

    @invariant()
    def every_promise_is_kept(self) -> None:
        CatalogMachine.steps += 1
        assert self.promises.broken() == []

    def teardown(self) -> None:
        CatalogMachine.ends.update(self.world.states().values())
        CatalogMachine.ends.update({"died": self.world.deaths, "recoveries": len(Recoveries(self.world.store).listed())})
        self.folder.cleanup()


def test_whatever_happens_every_promise_is_kept() -> None:
    CatalogMachine.steps = 0
    CatalogMachine.ends.clear()
    run_state_machine_as_test(CatalogMachine, settings=SETTINGS)
    seen = {State.STORED, State.VERIFIED, State.REJECTED, State.PRUNED, "died", "recoveries"}
    assert seen <= {what for what, times in CatalogMachine.ends.items() if times}, CatalogMachine.ends
