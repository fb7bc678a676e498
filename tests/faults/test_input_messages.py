"""Faults 26 and 35: hostile ids, keys and paths, and poisoned messages, through every door that takes any."""

import json
import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest

from fleetsave.dispatch import event as dispatch_event
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey
from fleetsave.model.recovery_jobs import RecoveryJob
from fleetsave.prune import event as prune_event
from fleetsave.verify import event as verify_event
from fleetsave.watchdog import event as watchdog_event
from tests.faults.scoring import FINISHES, scored
from tests.unit.api import hostile
from tests.unit.api.test_hostile_requests import PAYLOADS, body_with
from tests.unit.api.world import NOW, RECOVER, World

pytestmark = FINISHES
_SAFE = re.compile(r"(servers/[a-z0-9][a-z0-9_-]{0,62}|central)/[a-z]+/[a-z0-9_-]+\.(db|tar|sql|dump)(\.zst)?")
_SAFE_ARTIFACT = re.compile(r"([a-z0-9][a-z0-9_-]{0,62}/){2}[a-z0-9][a-z0-9_-]{0,62}")
_TEXTS = [*hostile.IDS, *hostile.KEYS, *hostile.PATHS, *hostile.RECOVERY_IDS, *hostile.CURSORS, *hostile.TEXTS]
_VALUES: list[Any] = [None, True, 0, -1, 1.5, 1 << 70, [], {}, [[]], {"key": {}}]
_KEY = "servers/server_001/database/server_001_20240101_120000_database.db.zst"
_CREATED = {"detail-type": "Object Created", "detail": {"bucket": {"name": "backups"}, "object": {"key": _KEY}}}
Parse = Callable[[str], Any]


def parse_job(body: str) -> str:
    job = Job.from_json(body)
    assert _SAFE_ARTIFACT.fullmatch(str(job.artifact_id)), job
    return str(job.artifact_id)


def parse_verify(body: str) -> str:
    request = verify_event.parse_event(body, "backups")
    if request is not None:
        assert _SAFE.fullmatch(request.key.text), request
        assert BackupKey.parse(request.key.text) == request.key
    return str(request)


def parse_recovery(body: str) -> str:
    job = RecoveryJob.from_json(body)
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}\.\d{6}", str(job.recovery_id)), job
    return str(job)


PARSERS: Mapping[str, tuple[Parse, Mapping[str, Any]]] = {
    "collect": (parse_job, json.loads(Job.from_json(
        '{"server_id":"server_001","kind":"database","artifact":"database","slot":"20240101_120000"}').to_json())),
    "verify, by hand": (parse_verify, {"key": _KEY, "force": True}),
    "verify, created": (parse_verify, _CREATED),
    "recover": (parse_recovery, {"recovery_id": "server_001.000001", "cause": "requested", "hop": 0}),
    "dispatch": (
        lambda body: dispatch_event.parse_event(body, NOW),
        {"kind": "database", "slot": NOW.isoformat(), "period_minutes": 60},
    ),
    "prune": (prune_event.parse_event, {"dry_run": True, "as_of": "2024-01-01T12:00:00Z"}),
    "watchdog": (watchdog_event.parse_event, {"dry_run": True}),
}  # fmt: skip


def mutated(message: Mapping[str, Any], chance: Random) -> str:
    """Return a message with something hostile in it: in one field, in its keys, or anywhere in its text."""
    way = chance.randrange(4)
    if way == 0:
        text = json.dumps(message)
        at = chance.randrange(len(text))
        return (
            text[:at]
            + chance.choice(["", "\0", '"', "../", "\u202e", "\ud800".encode("utf-8", "replace").decode()])
            + text[at + chance.randrange(3) :]
        )
    if way == 1:
        return chance.choice([*hostile.TEXTS, json.dumps(chance.choice(_VALUES)), json.dumps(chance.choice(_TEXTS))])
    changed = json.loads(json.dumps(message))
    holder = changed
    while True:
        name = chance.choice(sorted(holder))
        if not isinstance(holder[name], dict) or chance.random() < 0.2:
            break
        holder = holder[name]
    if way == 2:
        holder[name] = chance.choice([*_TEXTS, *_VALUES])
    else:
        holder[chance.choice([name.upper(), name + " ", "__proto__"])] = holder.pop(name)
    return json.dumps(changed)


def test_what_is_hostile_in_a_message_is_refused_before_any_use_of_it() -> None:
    refused = taken = 0
    with scored(26, "messages of every queue", share=2) as tally:
        for _ in tally.each():
            parse, message = PARSERS[tally.chance.choice(sorted(PARSERS))]
            body = mutated(message, tally.chance)
            try:
                parse(body)
                taken += 1
                tally.miss()
            except InvalidInputError as error:
                refused += 1
                if error.retryable or not error.hint:
                    tally.lose(f"refused without a hint: {body[:200]!r}")
            except AssertionError:
                tally.accepted(body[:300])
        tally.seen |= {"refused": refused, "harmless all the same": taken}
    assert refused > taken


def test_what_is_hostile_in_a_request_is_refused_before_any_store_is_asked() -> None:
    world = World()
    before = dict(world.memory.calls)
    with scored(26, "requests of the API", share=2) as tally:
        for _ in tally.each():
            field, value = tally.chance.choice(PAYLOADS)
            if field != "body" and isinstance(value, str) and tally.chance.random() < 0.5:
                value += tally.chance.choice(["\0", "/..", "\u2028", "%2f", " "]) * tally.chance.randint(1, 3)
            reply = world.ask("POST", RECOVER, body_with(field, value), raw="null" if value is None else None)
            if reply.status != 422 or reply.reason != "invalid_input":
                tally.accepted(f"{field} {value!r:.200}: {reply.status}")
            if dict(world.memory.calls) != before or world.queue.jobs:
                tally.accepted(f"{field} {value!r:.200}: the store or the queue was used")


def test_a_parser_that_does_not_build_the_key_again_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loose(str):
        text = property(str)

    monkeypatch.setattr(BackupKey, "parse", Loose)
    chance = Random(7)
    caught = 0
    for _ in range(300):
        try:
            parse_verify(mutated({"key": _KEY, "force": True}, chance))
        except InvalidInputError:
            pass
        except AssertionError:
            caught += 1
    assert caught
