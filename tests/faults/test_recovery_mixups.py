"""Fault 32: the backup of another server, kind or schema is asked for: refused, unless it is meant."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from fleetsave.model.recoveries import Status
from fleetsave.model.recovery_records import RecoveryRequest
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.unit.api.world import MISSION, NEWEST, RECOVER, World, key_of
from tests.unit.recover.test_room_failures import reason_of
from tests.unit.recover.world import OLD
from tests.unit.recover.world import World as Worker

pytestmark = FINISHES
SERVERS = ("server_001", "server_002", "server_003")
Request = tuple[dict[str, Any], bool]
"""A body, and whether it says that it is meant."""


def key_of_another(chance: Random) -> Request:
    """Name one server and the key of another's backup: nothing makes that right."""
    return {**MISSION, "server_id": chance.choice(SERVERS[1:])}, False


def key_of_another_kind(chance: Random) -> Request:
    return {**MISSION, "backup_type": chance.choice(["postgresql", "files", "full"])}, False


def another_target(chance: Random) -> Request:
    """Ask for a backup of one server to be restored to another, which may be meant."""
    meant = chance.random() < 0.3
    target = {"server_id": "server_002"} | ({"allow_other_server": True} if meant else {})
    return {**(MISSION if chance.random() < 0.5 else NEWEST), "target": target}, meant


def a_kind_it_lacks(chance: Random) -> Request:
    return {"server_id": chance.choice(SERVERS), "backup_type": chance.choice(["postgresql", "files", "full"])}, False


def ask(tally: Tally, make: Callable[[Random], Request], seen: Counter[str]) -> None:
    """Ask for it, and for a look at what would be done; note if it is granted though it was not meant."""
    world = World()
    world.add(key_of(server_id="server_002"))
    body, meant = make(tally.chance)
    is_look = tally.chance.random() < 0.3
    reply = world.ask("POST", RECOVER, {**body, "dry_run": True} if is_look else body)
    granted = reply.status in (200, 202)
    if granted and not meant:
        tally.accepted(f"{body}: {reply.status}")
    if meant and not granted:
        tally.lose(f"{body} was meant, and refused: {reply}")
    if not granted and world.queue.jobs:
        tally.accepted(f"{body}: refused, and queued")
    seen["granted, for it was meant" if granted else f"refused: {reply.reason}"] += 1


@pytest.mark.parametrize(
    ("variant", "make"),
    [
        ("the key of another server", key_of_another),
        ("the key of another kind", key_of_another_kind),
        ("another server as the target", another_target),
        ("a kind that the server lacks", a_kind_it_lacks),
    ],
)
def test_what_is_not_its_own_is_refused_by_the_api(variant: str, make: Callable[[Random], Request]) -> None:
    seen: Counter[str] = Counter()
    with scored(32, variant, share=5) as tally:
        for _ in tally.each():
            ask(tally, make, seen)
        tally.seen |= dict(seen)


def test_another_schema_is_refused_by_the_worker_with_the_target_as_it_was() -> None:
    with scored(32, "another schema", share=5) as tally:
        for number in tally.each():
            meant = tally.chance.random() < 0.3
            worker = Worker()
            worker.server.schema = f"another {tally.chance.random()}"
            recovery = worker.run_to_the_end(worker.ask(allow_schema_change=True) if meant else worker.ask())
            changed = worker.server.target != OLD
            if not meant and (changed or reason_of(recovery) != "schema_differs"):
                tally.accepted(f"trial {number}: {recovery.records[-1]}")
            if meant and worker.status(recovery) is not Status.RECOVERED:
                tally.lose(f"trial {number}: it was meant, and refused")


def test_a_plan_that_does_not_ask_whether_it_is_meant_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally(FAULTS[32], "", 1, 7, Random(7))
    monkeypatch.setattr(RecoveryRequest, "allow_other_server", property(lambda _: True, lambda *_: None))
    for _ in range(20):
        ask(tally, another_target, Counter())
    assert tally.bad_accepted
