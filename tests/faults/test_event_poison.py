"""Fault 35: a message that nothing can be made of: it is set aside for a person, and the others of its batch are done."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.model.errors import InvalidInputError
from fleetsave.settings import Settings
from functions.collect import app as collect_app
from functions.dispatch import app as dispatch_app
from functions.prune import app as prune_app
from functions.recover import app as recover_app
from functions.verify import app as verify_app
from functions.watchdog import app as watchdog_app
from tests.fakes.job_queue import RecordingQueue, RecordingRecoveryQueue
from tests.fakes.memory_store import MemoryStore
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.faults.test_input_messages import PARSERS, mutated
from tests.fixtures.doors import batch
from tests.functions.context import context
from tests.functions.test_dispatch import FLEET

pytestmark = FINISHES
NOW = datetime(2024, 1, 1, 12, 5, tzinfo=UTC)
MOST_RECEIVES = 5
"""After so many deliveries the queues of the template set a message aside."""

DOORS: dict[str, tuple[ModuleType, str, str]] = {
    "collect": (collect_app, "collect", "collect"),
    "verify": (verify_app, "verify", "verify, created"),
    "recover": (recover_app, "recover", "recover"),
    "dispatch": (dispatch_app, "dispatch", "dispatch"),
    "prune": (prune_app, "prune", "prune"),
    "watchdog": (watchdog_app, "watch", "watchdog"),
}


class Outcome:
    """What every door can go on with."""

    key = SimpleNamespace(text="key")
    verdict = repair = None
    deleted = retained = 0
    refused_artifacts: ClassVar[list[str]] = []
    problems: ClassVar[list[str]] = []
    artifacts: ClassVar[list[str]] = []
    did: ClassVar[dict[str, int]] = {}

    def summary(self) -> dict[str, object]:
        return {}

    def require_complete(self) -> None:
        """It is."""


class Door:
    """One door, whose room only counts how often it was reached; `setting_aside` is what its queue does after MOST_RECEIVES."""

    def __init__(self, name: str, patch: pytest.MonkeyPatch) -> None:
        app, room, parser = DOORS[name]
        self.handler: Callable[..., Any] = app.handler
        self.parse, self.message = PARSERS[parser]
        self.reached: Counter[str] = Counter()
        self.set_aside: list[str] = []
        store = MemoryStore(lambda: NOW)
        write_fleet(store, FLEET)
        given = SimpleNamespace(
            store=store, catalog=None, queue=RecordingQueue(), recovery_queue=RecordingRecoveryQueue(), scratch=None,
            programs=None, now=lambda: NOW, settings=Settings(bucket="backups"), collect_ports=lambda *_: None,
            recover_ports=lambda *_: None, watchdog_ports=lambda *_: None,
        )  # fmt: skip
        self.given = given
        patch.setattr(app, "services", lambda: given)
        patch.setattr(app, room, self._room)
        if name == "watchdog":
            patch.setattr(app, "metrics_of", lambda _: {})
            patch.setattr(app, "_tell", lambda *_: None)

    def _room(self, *_: Any, **__: Any) -> Any:
        self.reached["room"] += 1
        return Outcome()

    def deliver(self, bodies: list[str]) -> list[int]:
        """Deliver a batch until each message is done or set aside; return how often each was delivered."""
        times = [0] * len(bodies)
        left = list(range(len(bodies)))
        while left:
            for number in left:
                times[number] += 1
            reply = self.handler(batch([bodies[number] for number in left], receive_count=times[left[0]]), context())
            failed = {left[int(one["itemIdentifier"])] for one in reply["batchItemFailures"]}
            aside = {number for number in failed if times[number] >= MOST_RECEIVES}
            self.set_aside += [bodies[number] for number in sorted(aside)]
            left = sorted(failed - aside)
        return times


def poison(door: Door, chance: Random) -> str:
    """Return a message of this door's that nothing can be made of."""
    while True:
        body = mutated(door.message, chance)
        try:
            door.parse(body)
        except InvalidInputError:
            return body


def good_of(door: Door, number: int) -> str:
    message = json.loads(json.dumps(door.message))
    if "hop" in message:
        message["hop"] = number
    return json.dumps(message)


def judge(tally: Tally, door: Door, bad: str, goods: list[str], name: str) -> None:
    """Note unless the poisoned message alone is set aside, and the room was reached by every good one."""
    if door.set_aside.count(bad) != 1:
        tally.lose(f"{name}: {bad[:200]!r} was not set aside once")
    if door.reached["room"] < len(goods):
        tally.lose(f"{name}: {door.reached['room']} of {len(goods)} good messages were done")


@pytest.mark.parametrize("name", sorted(DOORS))
def test_a_poisoned_message_is_set_aside_and_the_others_go_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with scored(35, f"the door of {name}", share=len(DOORS)) as tally:
        for _ in tally.each():
            with monkeypatch.context() as patch:
                door = Door(name, patch)
                bad = poison(door, tally.chance)
                goods = [good_of(door, number) for number in range(tally.chance.randint(1, 4))]
                bodies = [*goods]
                bodies.insert(tally.chance.randint(0, len(goods)), bad)
                door.deliver(bodies)
                judge(tally, door, bad, goods, name)
                if name in ("collect", "recover") and not (door.given.queue.returned or door.given.recovery_queue.returned):
                    tally.lose(f"{name}: it was not returned at once")


def test_a_door_that_fails_a_whole_batch_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door("prune", monkeypatch)
    door.handler = lambda event, _: {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in event["Records"]]}
    tally = Tally(FAULTS[35], "", 1, 7, Random(7))
    bad = poison(door, tally.chance)
    goods = [good_of(door, 0)]
    door.deliver([*goods, bad])
    judge(tally, door, bad, goods, "prune")
    assert tally.lost
