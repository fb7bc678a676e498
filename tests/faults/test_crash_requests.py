"""Fault 19: every call that the API makes to begin a recovery fails, loses its reply, or is the last of its process."""

from datetime import timedelta
from random import Random

import pytest

from fleetsave.api.ports import ApiPorts
from fleetsave.api.requests import RecoveryBody
from fleetsave.api.room import Asked, begin_recovery
from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Begun, Listed, Recoveries
from fleetsave.model.errors import FleetsaveError, QueueError
from fleetsave.model.recoveries import Recovery
from fleetsave.store.base import ObjectStore
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.nth_call import NthCall, every_call
from tests.unit.api.world import FIRST, MISSION, World

pytestmark = FINISHES
BODY = RecoveryBody.model_validate(MISSION)
ASKED = Asked("somebody", "a key of theirs")
A_CLAIM_HAS_ENDED = timedelta(minutes=2)


def new_world() -> World:
    """Return a world whose store goes by its clock."""
    world = World()
    world.memory._clock = world.now
    return world


def ports_of(world: World, store: ObjectStore, *, conditional: bool) -> ApiPorts:
    recoveries = Recoveries(store, conditional_writes=conditional)
    return ApiPorts(store, Catalog(store), recoveries, world.queue, world.now)


def not_sent(name: str) -> FleetsaveError:
    """Return the error of a queue that has no time."""
    return QueueError(name, "queue", "ServiceUnavailable", "Wait.", retryable=True)


def begin_by(world: World, nth_call: NthCall, *, conditional: bool) -> None:
    """Begin a recovery with every call of store and queue counted."""
    ports = ports_of(world, nth_call.wrap(world.store), conditional=conditional)
    queue = nth_call.wrap(world.queue, not_sent)
    begin_recovery(BODY, ASKED, ApiPorts(ports.store, ports.catalog, ports.recoveries, queue, ports.now))


def ask_again(world: World, *, conditional: bool) -> Begun:
    """Ask the same once more, as whoever got no answer does, once the claim of a call that is gone has ended."""
    world.moment += A_CLAIM_HAS_ENDED
    return begin_recovery(BODY, ASKED, ports_of(world, world.store, conditional=conditional))


def try_every_call(tally: Tally, *, conditional: bool) -> None:
    """Begin once for each call and way, ask again, and note unless one recovery has begun, whose work is queued."""
    made: list[World] = []

    def disturbed(nth_call: NthCall) -> None:
        made.append(new_world())
        begin_by(made[-1], nth_call, conditional=conditional)

    for nth_call in every_call(disturbed):
        world, told = made.pop(), f"{nth_call.calls[nth_call.nth - 1]}, call {nth_call.nth}, {nth_call.way}"
        try:
            again = ask_again(world, conditional=conditional)
        except FleetsaveError as error:
            tally.lose(f"{told}: {error}")
            continue
        begun = [str(listed.id) for listed in world.recoveries.listed()]
        if begun != [FIRST] or str(again.recovery.id) != FIRST:
            tally.accepted(f"{told}: begun are {begun}, answered was {again.recovery.id}")
        if {str(job.recovery_id) for job in world.queue.jobs} != {FIRST}:
            tally.lose(f"{told}: queued is {world.jobs}")
        tally.made += 1


@pytest.mark.parametrize("conditional", [True, False], ids=["conditional writes", "claims"])
def test_every_call_of_a_request_goes_wrong_once(conditional: bool) -> None:
    variant = f"a request for a recovery, on a store with {'conditional writes' if conditional else 'claims'}"
    with scored(19, variant, trials=1) as tally:
        try_every_call(tally, conditional=conditional)
        tally.seen["points"] = tally.made


# ---- these trials can fail ----------------------------------------------------------------------------------------------------


def test_an_api_that_knows_nothing_of_what_it_has_begun_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recoveries, "replayed", lambda *_: None)
    monkeypatch.setattr(Listed, "is_finished", property(lambda _: True))
    tally = Tally(FAULTS[19], "", 1, 7, Random(7))
    try_every_call(tally, conditional=True)
    assert tally.bad_accepted


def test_an_api_that_queues_nothing_for_what_had_begun_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recovery, "is_finished", property(lambda _: True))
    tally = Tally(FAULTS[19], "", 1, 7, Random(7))
    try_every_call(tally, conditional=True)
    assert tally.lost
