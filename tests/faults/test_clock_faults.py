"""Fault 20: the clocks of the functions, of the server and of the store are wrong while a history goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.history import State
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey
from fleetsave.model.slots import Slot
from fleetsave.prune.clocks import Clocks, Moment
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.catalog_promises import Promises
from tests.fixtures.catalog_world import ARTIFACT, HOUR, VERSIONS, CatalogWorld

pytestmark = FINISHES
KEEP_FOR = 6 * HOUR
EPOCH, FAR = datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


@contextmanager
def new_world() -> Iterator[CatalogWorld]:
    with TemporaryDirectory() as scratch:
        yield CatalogWorld(Path(scratch))


def offsets(world: CatalogWorld) -> list[timedelta]:
    """Return by how much a clock may be wrong now."""
    day = timedelta(days=1)
    return [HOUR, -HOUR, 40 * day, -40 * day, EPOCH - world.now, FAR - world.now, timedelta(0), timedelta(0)]


def live_with_wrong_clocks(tally: Tally, world: CatalogWorld) -> None:
    """Let hours go by in which each function, each time, has whatever clock; schedules, too, may be off by an hour."""
    chance, promises = tally.chance, Promises(world)
    stored_at: dict[str, datetime] = {}
    for _ in range(chance.randint(9, 14)):
        world.server.version = chance.randrange(VERSIONS)
        late = chance.choice([0, 0, 0, 1])
        world.jobs.append(Job(ARTIFACT, Slot.floor(world.now - late * HOUR, HOUR)))
        for job in list(world.jobs):
            world.jobs.remove(job)
            world.offset = chance.choice(offsets(world))
            world.collect(job)
        before = world.stored_keys()
        stored_at |= {key.text: world.now for key in before if key.text not in stored_at}
        for key, force in list(world.events):
            world.events.remove((key, force))
            world.offset = chance.choice(offsets(world))
            world.verify(key, force=force)
        world.offset = chance.choice(offsets(world))
        world.look()
        world.offset = chance.choice(offsets(world))
        world.prune()
        for gone in set(before) - set(world.stored_keys()):
            if world.now - max(gone.slot.at, stored_at[gone.text]) < KEEP_FOR:
                tally.lose(f"{gone} was young, and was deleted")
        for broken in promises.broken():
            tally.lose(broken)
        world.now += HOUR
    judge(tally, world)


def judge(tally: Tally, world: CatalogWorld) -> None:
    """Note unless the keys are in order by slot and the newest slot is the newest verified backup, once all clocks are right."""
    world.schedule()
    while world.jobs or world.events:
        jobs, world.jobs = world.jobs, []
        for job in jobs:
            world.collect(job)
        events, world.events = world.events, []
        for key, force in events:
            world.verify(key, force=force)
    keys = world.stored_keys()
    if sorted(key.text for key in keys) != [key.text for key in sorted(keys, key=lambda key: key.slot)]:
        tally.lose("the keys are not in order")
    verified: list[BackupKey] = sorted(key for key, state in world.states().items() if state is State.VERIFIED)
    if not verified or verified[-1].slot != Slot.floor(world.now, HOUR):
        tally.lose(f"the newest verified backup is {verified[-1:]}; refused: {world.refusals[-2:]}")


def test_a_history_under_wrong_clocks() -> None:
    with scored(20, "each function has a wrong clock, by 1 h, 40 days, or to 1970 or 2099", share=2) as tally:
        for _ in tally.each():
            with new_world() as world:
                live_with_wrong_clocks(tally, world)


def live_in_a_wrong_store(tally: Tally, world: CatalogWorld) -> None:
    """Let the store's clock, which we believe where it must be, be wrong for some hours, and then right again."""
    chance, promises = tally.chance, Promises(world)
    real, off = world.now, timedelta(0)
    wrong_for = chance.randrange(1, 8)
    wrong = chance.choice([offset for offset in offsets(world) if offset])
    for hour in range(10):
        off = wrong if 1 <= hour <= wrong_for else timedelta(0)
        world.now = real + off
        world.offset = -off
        world.server.version = chance.randrange(VERSIONS)
        world.collect(Job(ARTIFACT, Slot.floor(real, HOUR)))
        for key, force in list(world.events):
            world.events.remove((key, force))
            world.offset = -off
            world.verify(key, force=force)
        before = world.stored_keys()
        world.offset = -off
        world.prune()
        for gone in set(before) - set(world.stored_keys()):
            if real - gone.slot.at < KEEP_FOR or off:
                tally.lose(f"{gone} was deleted at {real}, with the store's clock off by {off}")
        for broken in promises.broken():
            tally.lose(broken)
        real += HOUR
    world.now = real
    judge(tally, world)


def test_a_history_in_a_store_whose_clock_is_wrong() -> None:
    with scored(20, "the store's clock is wrong for some hours", share=2) as tally:
        for _ in tally.each():
            with new_world() as world:
                live_in_a_wrong_store(tally, world)


@pytest.mark.parametrize("at", ["2026-06-15T12:00:00", "2026-06-15T12:00:00+02:00"])
def test_a_time_that_is_not_utc_names_no_slot(at: str) -> None:
    with pytest.raises(InvalidInputError):
        Slot(datetime.fromisoformat(at))


# ---- these trials can fail ----------------------------------------------------------------------------------------------------


def test_a_prune_that_believes_its_own_clock_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clocks, "agreed", lambda self: Moment(self._now, self._now))
    tally = Tally(FAULTS[20], "", 1, 7, Random(7))
    for _ in range(10):
        with new_world() as world:
            live_with_wrong_clocks(tally, world)
    assert tally.lost
