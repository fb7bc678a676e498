"""Faults 9 and 10: a real store behind a proxy answers errors, or loses its answers."""

from collections.abc import Callable, Sequence
from random import Random

import pytest

from fleetsave.model.history import State
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.catalog_promises import Promises
from tests.fixtures.catalog_world import HOUR, VERSIONS
from tests.fixtures.s3_proxy import Asked, Mischief
from tests.fixtures.stores_behind_proxy import ProxiedWorld

pytestmark = FINISHES


class Bursts:
    """Mischief that comes in bursts of requests: `odds` of a request beginning one, each as long as chance has it."""

    def __init__(self, chance: Random, kinds: Sequence[Mischief]) -> None:
        self._chance = chance
        self._kinds = kinds
        self._odds = chance.choice([0.05, 0.2, 0.5, 0.9, 1.0])
        self._left = 0

    def __call__(self, _: Asked) -> Mischief | None:
        if self._left <= 0 and self._chance.random() < self._odds:
            self._left = self._chance.randint(1, 8)
        self._left -= 1
        return self._chance.choice(self._kinds) if self._left >= 0 else None


def left_open(world: ProxiedWorld) -> list[str]:
    """Return the uploads that lie open after the next slot too: of two that were begun, for a reply was lost, it aborts one."""
    if list(world.store.list_uploads("servers/")):
        world.now += HOUR
        world.schedule()
        while world.jobs:
            world.collect(world.jobs.pop())
    return [upload.key for upload in world.store.list_uploads("servers/")]


def back_up_through(tally: Tally, world: ProxiedWorld, kinds: Sequence[Mischief], told: str) -> None:
    """Back up, verify and prune with mischief made, and see what stands; then without, as the queue does again."""
    promises = Promises(world)
    world.server.version = tally.chance.randrange(VERSIONS)
    world.schedule()
    job = world.jobs.pop()
    world.proxy.mischief = Bursts(tally.chance, kinds)
    for _ in range(3):
        world.collect(job)
        for key in list(world.stored_keys()):
            world.verify(key)
    world.prune()
    world.proxy.mischief = lambda _: None
    for broken in promises.broken():
        tally.accepted(f"{told}: {broken}")
    world.jobs.append(job)
    for _ in range(4):
        jobs, world.jobs = world.jobs, []
        for one in jobs:
            world.collect(one)
        for key in world.stored_keys():
            world.verify(key)
    for broken in promises.broken():
        tally.accepted(f"{told}: {broken}")
    if State.VERIFIED not in world.states().values():
        tally.lose(f"{told}: nothing verified after the fault has passed; {world.refusals[-2:]}")
    if left := left_open(world):
        tally.lose(f"{told}: {len(left)} uploads left open")


ROWS = {
    9: (Mischief.REFUSED, Mischief.BROKEN),
    10: (Mischief.CUT_AFTER, Mischief.CUT_BEFORE, Mischief.CUT_BODY),
}


@pytest.mark.parametrize("row", ROWS)
def test_errors_and_lost_answers(row: int, new_world: Callable[[], ProxiedWorld]) -> None:
    with scored(row, "backup, verify and prune, then again without") as tally:
        for number in tally.each():
            world = new_world()
            before = world.proxy.made.total()
            back_up_through(tally, world, ROWS[row], f"trial {number}")
            if world.proxy.made.total() == before:
                tally.miss()
        tally.seen |= {kind.value: count for kind, count in world.proxy.made.items()}


# ---- these trials can fail ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS)
def test_a_job_that_does_not_come_again_is_found_out(
    row: int, new_world: Callable[[], ProxiedWorld], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProxiedWorld, "collect", lambda *_: None)
    tally = Tally(FAULTS[row], "", 1, 7, Random(7))
    back_up_through(tally, new_world(), ROWS[row], "nobody collects")
    assert tally.lost
