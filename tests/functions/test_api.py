"""Every event of `events/api` through its door."""

import json

import pytest

from functions.api import app
from tests.functions.context import EVENTS, context, event
from tests.unit.api.world import FIRST, MISSION, Reply, World, reply_of

ANSWERED = {
    "recover": 202,
    "recover_newest": 202,
    "recover_dry_run": 200,
    "recover_malformed": 400,
    "recover_hostile_key": 422,
    "recover_form_data": 415,
    "get_recovery": 404,
    "list_recoveries": 200,
    "cancel": 404,
    "undo": 404,
    "list_backups": 200,
    "status": 200,
    "openapi": 200,
    "unknown_path": 404,
    "wrong_method": 405,
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    given = World()
    monkeypatch.setattr(app, "services", lambda: given)
    return given


def ask(case: str) -> Reply:
    return reply_of(app.handler(event("api", case), context()))


def test_every_event_of_the_folder_has_a_test_here() -> None:
    assert {path.stem for path in (EVENTS / "api").iterdir()} == set(ANSWERED)


@pytest.mark.parametrize(("case", "status"), ANSWERED.items())
def test_each_event_has_its_status(world: World, case: str, status: int) -> None:
    assert ask(case).status == status
    assert len(world.queue.jobs) == (1 if status == 202 else 0)


def test_the_missions_request_begins_a_recovery_and_queues_it(world: World) -> None:
    assert json.loads(event("api", "recover")["body"]) == MISSION
    reply = ask("recover")
    assert reply.headers["location"] == f"recover/{FIRST}"
    assert reply.headers["retry-after"] == "2"
    assert (reply.document["id"], reply.document["status"]) == (FIRST, "queued")
    assert reply.document["requested_by"] == "arn:aws:iam::123456789012:user/operator"
    assert world.jobs == [f"{FIRST}/requested/0"]


def test_the_same_event_again_gives_the_same_recovery(world: World) -> None:
    first, again = ask("recover"), ask("recover")
    assert "idempotency-replayed" not in first.headers
    assert (again.headers["idempotency-replayed"], again.document) == ("true", first.document)
    assert world.jobs == [f"{FIRST}/requested/0"] * 2  # which the queue takes for one


def test_a_recovery_is_looked_at_cancelled_and_listed_by_its_id(world: World) -> None:
    ask("recover")
    assert ask("get_recovery").document["id"] == FIRST
    assert ask("cancel").status == 202
    assert [one["id"] for one in ask("list_recoveries").document["recoveries"]] == [FIRST]
    assert ask("undo").status == 409
    assert world.jobs[-1] == f"{FIRST}/cancelled/0"


def test_neither_signature_nor_body_reach_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for case in ANSWERED:
        ask(case)
    told = " ".join(str(vars(record)) for record in caplog.records)
    assert len(caplog.records) >= len(ANSWERED)
    for secret in ("AKIAIOSFODNN7EXAMPLE", "Signature=", "20240101_120000_database", "8e03978e"):
        assert secret not in told
    assert FIRST in told
    assert world.queue.jobs


def test_the_log_tells_what_was_asked_and_how_it_ended(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for case in ("recover", "get_recovery", "recover_hostile_key", "wrong_method"):
        ask(case)
    told = [tuple(vars(record).get(name) for name in ("method", "route", "status", "recovery_id")) for record in caplog.records]
    assert told == [
        ("POST", "/backup/recover", 202, FIRST),
        ("GET", "/backup/recover/{recovery_id}", 200, FIRST),
        ("POST", "/backup/recover", 422, None),
        ("DELETE", None, 405, None),
    ]
    assert len(world.queue.jobs) == 1
