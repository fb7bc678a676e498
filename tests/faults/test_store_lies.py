"""Fault 11: a real store behind a proxy lies about data."""

from collections.abc import Callable
from random import Random

import pytest

from fleetsave.model.history import State
from fleetsave.model.keys import RecordName
from fleetsave.verify import verdict
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.catalog_promises import Promises
from tests.fixtures.catalog_world import HOUR
from tests.fixtures.s3_proxy import Asked, Mischief
from tests.fixtures.stores_behind_proxy import ProxiedWorld

pytestmark = FINISHES
LIES = (Mischief.OTHER_ETAG, Mischief.SWALLOWED, Mischief.OTHER_BYTES, Mischief.SHORT_BODY)
OF_READING = (Mischief.OTHER_BYTES, Mischief.SHORT_BODY)
NewWorld = Callable[[], ProxiedWorld]


def let_lie(tally: Tally, world: ProxiedWorld, kind: Mischief) -> None:
    """Let the store lie from now on about data."""
    verbs = ("GET",) if kind in OF_READING else ("PUT", "POST", "HEAD")

    def mischief(asked: Asked) -> Mischief | None:
        is_meant = asked.key.startswith("servers/") and asked.method in verbs and "uploads" not in asked.query
        return kind if is_meant else None

    world.proxy.where = tally.chance.random()
    world.proxy.mischief = mischief


def tell_the_truth(world: ProxiedWorld) -> None:
    world.proxy.mischief = lambda _: None


def verify_all(world: ProxiedWorld) -> None:
    for key in world.stored_keys():
        world.verify(key)


def lie_about_data(tally: Tally, world: ProxiedWorld, told: str) -> None:
    """Back up and verify while the store lies about data; nothing may be called verified that is not whole."""
    promises, before = Promises(world), world.proxy.made.total()
    kind = tally.chance.choice(LIES)
    world.schedule()
    job = world.jobs.pop()
    if kind in OF_READING:
        world.collect(job)
    let_lie(tally, world, kind)
    if kind not in OF_READING:
        world.collect(job)
    verify_all(world)
    tell_the_truth(world)
    if world.proxy.made.total() == before:
        tally.miss()
    elif kind in OF_READING and State.VERIFIED in world.states().values():
        tally.accepted(f"{told}: verified by bytes that are others ({kind})")
    for broken in promises.broken():
        tally.accepted(f"{told}, {kind}: {broken}")
    world.now += HOUR
    world.schedule()
    for one in world.jobs:
        world.collect(one)
    verify_all(world)
    if State.VERIFIED not in world.states().values():
        tally.lose(f"{told}, {kind}: the next slot is not verified: {world.refusals[-2:]}")


def test_a_store_that_lies_about_data(new_world: NewWorld) -> None:
    with scored(11, "ETags, 200 without storing, other bytes, short bodies") as tally:
        for number in tally.each():
            world = new_world()
            lie_about_data(tally, world, f"trial {number}")
        tally.seen |= {kind.value: count for kind, count in world.proxy.made.items()}


# ---- these trials can fail ----------------------------------------------------------------------------------------------------


def tally_of(lie: Callable[[Tally, ProxiedWorld, str], None], new_world: NewWorld) -> Tally:
    """Return a tally that is not kept, of trials until one fails."""
    tally = Tally(FAULTS[11], "", 12, 7, Random(7))
    for number in tally.each():
        lie(tally, new_world(), f"trial {number}")
        if tally.bad_accepted or tally.lost:
            break
    return tally


def test_a_verdict_that_overlooks_what_failed_is_found_out(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "verdict", lambda _: RecordName.VERIFIED)
    assert tally_of(lie_about_data, new_world).bad_accepted
