"""Fault 19: every call of a recovery fails, loses its reply, or is the last of its process."""

from dataclasses import replace
from random import Random

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.errors import FleetsaveError, TransportError
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_jobs import RecoveryJob
from fleetsave.recover.room import recover
from fleetsave.recover.targets import OpenTarget, ServerTarget, planned, server_of
from tests.fakes.restorer import FakeRestorer, HookTransport
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.nth_call import NthCall, every_call
from tests.unit.recover.world import NEW, OLD, World

pytestmark = FINISHES


def cut_off(name: str) -> FleetsaveError:
    """Return the error of a connection that ends."""
    return TransportError(name, "server_001", "the connection was lost", "Wait.", retryable=True)


def recover_by(world: World, recovery: Recovery, nth_call: NthCall) -> None:
    """Do a recovery's messages to the last, with every port counted."""
    store = nth_call.wrap(world.store)

    def open_target(asked: Recovery) -> OpenTarget:
        server = server_of(world.fleet, asked.id.server_id)
        restorer = nth_call.wrap(FakeRestorer(world.server, planned(asked)), cut_off)
        return ServerTarget(server, nth_call.wrap(HookTransport(world.server), cut_off), restorer)  # type: ignore[arg-type]  # stands for one

    ports = replace(
        world.ports, store=store, catalog=Catalog(store), recoveries=Recoveries(store), open_target=open_target,
        collect_queue=nth_call.wrap(world.collect_queue), recovery_queue=nth_call.wrap(world.recovery_queue),
    )  # fmt: skip
    recover(RecoveryJob(recovery.id), ports)
    while world.recovery_queue.jobs:
        recover(world.recovery_queue.jobs.pop(0), ports)


def judge(tally: Tally, world: World, recovery: Recovery, told: str, wanted: list[object]) -> None:
    """Deliver the same message again, and note unless all is as after an undisturbed run."""
    if world.server.target not in (OLD, NEW):
        tally.accepted(f"{told}: the target is neither old nor new")
    world.run_to_the_end(recovery)
    found = world.states(recovery)
    if found != wanted or world.server.target != NEW:
        tally.lose(f"{told}: {found[-2:]}, the target is {'new' if world.server.target == NEW else 'old'}")
    if not world.server.is_clean:
        tally.lose(f"{told}: something is left on the server")


def try_every_call(tally: Tally) -> None:
    """Recover once for each call and way."""
    undisturbed = World(hooks=True)
    asked = undisturbed.ask()
    undisturbed.run_to_the_end(asked)
    wanted: list[object] = list(undisturbed.states(asked))
    assert undisturbed.server.target == NEW
    made: list[tuple[World, Recovery]] = []

    def disturbed(nth_call: NthCall) -> None:
        world = World(hooks=True)
        made.append((world, world.ask()))
        recover_by(*made[-1], nth_call)

    for nth_call in every_call(disturbed):
        world, recovery = made[-1]
        judge(tally, world, recovery, f"{nth_call.calls[nth_call.nth - 1]}, call {nth_call.nth}, {nth_call.way}", wanted)
        made.clear()
        tally.made += 1


def test_every_call_of_a_recovery_goes_wrong_once() -> None:
    with scored(19, "recover: every call fails, loses its reply, or is the last", trials=1) as tally:
        try_every_call(tally)
        tally.seen["points"] = tally.made


def test_a_recovery_that_does_not_come_again_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    made = World.run_to_the_end
    come: list[Recovery] = []

    def only_the_first(world: World, recovery: Recovery) -> Recovery:
        come.append(recovery)
        return made(world, recovery) if len(come) == 1 else recovery

    monkeypatch.setattr(World, "run_to_the_end", only_the_first)
    tally = Tally(FAULTS[19], "", 1, 7, Random(7))
    try_every_call(tally)
    assert tally.lost
