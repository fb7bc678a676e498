"""Recoveries over the API: begun once, refused without a trace, cancelled in time, taken back."""

from datetime import timedelta
from typing import Any

import pytest

from fleetsave.model.errors import CatalogError, StoreError
from fleetsave.model.keys import RecordName
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import RecoveryState
from tests.unit.api.world import FIRST, MISSION, NEWEST, NOON, PATH, RECOVER, VERIFIED, World, key_of

SECOND = "server_001.000002"
STORED = (RecordName.STORED,)
REJECTED = (RecordName.STORED, RecordName.REJECTED)
HOUR = timedelta(hours=1)


def records_of(world: World) -> list[str]:
    return sorted(info.key for info in world.store.list("recoveries/"))


def test_the_missions_body_word_for_word_begins_a_recovery(world: World) -> None:
    reply = world.ask("POST", RECOVER, MISSION)
    assert (reply.status, reply.headers["location"], reply.headers["retry-after"]) == (202, f"recover/{FIRST}", "2")
    assert reply.document["backup_key"] == MISSION["backup_key"]
    assert world.jobs == [f"{FIRST}/requested/0"]
    assert records_of(world) == [f"recoveries/{FIRST}/001-requested.json"]


@pytest.mark.parametrize("extra", [{}, {"at": "2024-01-01T12:30:00+00:00"}, {"artifact": "database"}, {"target": {"path": PATH}}])
def test_the_backup_need_not_be_named(world: World, extra: dict[str, Any]) -> None:
    reply = world.ask("POST", RECOVER, {**NEWEST, **extra})
    assert (reply.status, reply.document["backup_key"]) == (202, None)


def test_a_backup_is_named_with_or_without_its_compression(world: World) -> None:
    assert world.ask("POST", RECOVER, {**MISSION, "backup_key": key_of().text}).status == 202


def test_a_dry_run_says_everything_and_does_nothing(world: World) -> None:
    before = dict(world.memory.calls)
    reply = world.ask("POST", RECOVER, {**MISSION, "dry_run": True}, headers={"Idempotency-Key": "k"})
    assert (reply.status, reply.document["dry_run"]) == (200, True)
    plan = reply.document["plan"]
    assert (plan["backup_key"], plan["target_path"], plan["safety_artifact"]) == (key_of().text, PATH, "safety-database")
    assert plan["steps"]
    changed = {name for name, calls in world.memory.calls.items() if calls != before.get(name, 0)}
    assert changed == {"get", "head", "list"}
    assert (world.queue.jobs, records_of(world)) == ([], [])


def test_a_dry_run_is_refused_as_the_recovery_would_be(world: World) -> None:
    assert world.ask("POST", RECOVER, {**NEWEST, "server_id": "server_009", "dry_run": True}).status == 404


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({**NEWEST, "server_id": "server_009"}, 404, "unknown_server"),
    ({**NEWEST, "target": {"server_id": "server_009", "allow_other_server": True}}, 404, "unknown_server"),
    ({**NEWEST, "server_id": "central"}, 404, "unknown_server"),
    ({**NEWEST, "server_id": "server_003"}, 422, "ambiguous_artifact"),
    ({**NEWEST, "server_id": "server_002"}, 404, "no_backup"),
    ({**NEWEST, "artifact": "players"}, 404, "no_backup"),
    ({**NEWEST, "at": "2023-12-31T23:59:59Z"}, 404, "no_backup"),
    ({**MISSION, "backup_key": key_of(at=NOON - HOUR).text}, 404, "unknown_backup"),
    ({**MISSION, "backup_key": key_of("safety-database").text}, 404, "unknown_backup"),
    ({**MISSION, "server_id": "server_002"}, 422, "other_servers_backup"),
    ({**MISSION, "backup_key": "servers/server_001/files/server_001_20240101_120000_files.tar.zst"}, 422, "wrong_type"),
    ({**MISSION, "backup_type": "files"}, 422, "wrong_type"),
    ({**MISSION, "backup_type": "postgresql"}, 422, "wrong_type"),
    ({**NEWEST, "backup_type": "postgresql"}, 404, "unknown_artifact"),
    ({**NEWEST, "backup_type": "full"}, 404, "unknown_artifact"),
    ({**MISSION, "target": {"server_id": "server_002"}}, 422, "target_not_allowed"),
    ({**MISSION, "target": {"path": "/etc/passwd"}}, 422, "target_not_allowed"),
    ({**MISSION, "backup_key": key_of(at=NOON + HOUR).text}, 410, "pruned"),
    ({**MISSION, "backup_key": key_of(at=NOON + 2 * HOUR).text}, 409, "rejected"),
    ({**MISSION, "backup_key": key_of(at=NOON + 3 * HOUR).text}, 409, "not_verified"),
    ({**MISSION, "backup_key": key_of(at=NOON + 4 * HOUR).text}, 409, "not_verified"),
]


@pytest.mark.parametrize(("body", "status", "reason"), REFUSED)
def test_what_cannot_be_granted_leaves_no_trace(world: World, body: dict[str, Any], status: int, reason: str) -> None:
    world.add(key_of(at=NOON + HOUR), *VERIFIED, RecordName.PRUNED)
    world.add(key_of(at=NOON + 2 * HOUR), *REJECTED)
    world.add(key_of(at=NOON + 3 * HOUR), *STORED)
    world.add(key_of(at=NOON + 4 * HOUR), RecordName.STORED, RecordName.SUSPECT)
    before = world.memory.calls["put"]
    reply = world.ask("POST", RECOVER, body, headers={"Idempotency-Key": "k"})
    assert (reply.status, reply.reason) == (status, reason)
    assert reply.document["hint"]
    assert (world.memory.calls["put"], world.queue.jobs, records_of(world)) == (before, [], [])


def test_what_is_not_verified_is_restored_where_that_is_wanted(world: World) -> None:
    body = {**MISSION, "backup_key": world.add(key_of(at=NOON + HOUR), *REJECTED).text, "allow_unverified": True}
    assert world.ask("POST", RECOVER, body).status == 202


def test_another_server_is_restored_to_where_that_is_wanted(world: World) -> None:
    reply = world.ask("POST", RECOVER, {**NEWEST, "target": {"server_id": "server_002", "allow_other_server": True}})
    assert (reply.status, reply.document["id"]) == (202, "server_002.000001")
    assert (reply.document["server_id"], reply.document["target"]["server_id"]) == ("server_001", "server_002")


def test_one_recovery_at_a_time_and_the_refusal_names_it(world: World) -> None:
    world.begin()
    reply = world.ask("POST", RECOVER, NEWEST)
    assert (reply.status, reply.reason, reply.document["recovery_id"]) == (409, "recovery_running", FIRST)
    assert reply.headers["location"] == f"recover/{FIRST}"
    world.step(FIRST, RecoveryState.FAILED)
    assert world.begin(NEWEST) == SECOND


def test_the_same_request_with_the_same_key_is_the_same_recovery(world: World) -> None:
    world.begin(Idempotency_Key="k")
    again = {**MISSION, "at": None, "target": None, "dry_run": False}  # the same request, said in other words
    reply = world.ask("POST", RECOVER, again, headers={"idempotency-key": "k"})
    assert (reply.status, reply.document["id"], reply.headers["idempotency-replayed"]) == (202, FIRST, "true")
    assert world.jobs == [f"{FIRST}/requested/0"] * 2


def test_a_replay_is_known_even_when_the_backup_has_been_pruned_since(world: World) -> None:
    world.begin(Idempotency_Key="k")
    world.finish(FIRST)
    world.store.put(key_of().record_key(RecordName.PRUNED), b"{}")
    reply = world.ask("POST", RECOVER, MISSION, headers={"Idempotency-Key": "k"})
    assert (reply.status, reply.document["status"], reply.headers["idempotency-replayed"]) == (202, "recovered", "true")
    assert world.jobs == [f"{FIRST}/requested/0"]


def test_the_same_key_for_another_request_is_refused(world: World) -> None:
    world.begin(Idempotency_Key="k")
    reply = world.ask("POST", RECOVER, NEWEST, headers={"Idempotency-Key": "k"})
    assert (reply.status, reply.reason) == (409, "idempotency_mismatch")


def test_two_callers_may_use_the_same_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.begin(Idempotency_Key="k")
    world.step(FIRST, RecoveryState.FAILED)
    monkeypatch.setattr("fleetsave.api.routes.Routes._caller", lambda _: "arn:aws:iam::123456789012:user/other")
    assert world.begin(NEWEST, Idempotency_Key="k") == SECOND


def test_a_recovery_that_cannot_be_queued_ends_and_does_not_block_its_server(world: World) -> None:
    world.queue.is_broken = True
    reply = world.ask("POST", RECOVER, MISSION)
    assert (reply.status, reply.reason, reply.headers["retry-after"]) == (503, "unavailable", "5")
    assert reply.document["retryable"]
    shown = world.ask("GET", f"{RECOVER}/{FIRST}").document
    assert (shown["status"], shown["problem"]["error"]) == ("failed", "QueueError")
    world.queue.is_broken = False
    assert world.begin() == SECOND


def test_a_recovery_with_a_key_that_cannot_be_queued_is_queued_by_the_next_try(world: World) -> None:
    world.queue.is_broken = True
    headers = {"Idempotency-Key": "k"}
    assert world.ask("POST", RECOVER, MISSION, headers=headers).status == 503
    assert world.ask("GET", f"{RECOVER}/{FIRST}").document["status"] == "queued"
    world.queue.is_broken = False
    assert world.ask("POST", RECOVER, MISSION, headers=headers).document["id"] == FIRST
    assert world.jobs == [f"{FIRST}/requested/0"]


def test_a_recovery_is_cancelled_once_and_its_worker_told_each_time(world: World) -> None:
    world.begin()
    for _ in range(2):
        reply = world.ask("POST", f"{RECOVER}/{FIRST}/cancel")
        assert (reply.status, reply.document["status"], reply.headers["location"]) == (202, "cancelling", f"../{FIRST}")
    assert [name for name in records_of(world) if "cancel" in name] == [f"recoveries/{FIRST}/002-cancel_requested.json"]
    assert world.jobs[1:] == [f"{FIRST}/cancelled/0"] * 2


def test_cancelling_is_too_late_once_the_swap_has_begun(world: World) -> None:
    world.begin()
    world.step(FIRST, RecoveryState.CHECKED, RecoveryState.SWAPPING)
    reply = world.ask("POST", f"{RECOVER}/{FIRST}/cancel")
    assert (reply.status, reply.reason) == (409, "too_late")
    assert world.jobs == [f"{FIRST}/requested/0"]


def test_what_is_finished_cannot_be_cancelled(world: World) -> None:
    world.begin()
    world.finish(FIRST)
    assert world.ask("POST", f"{RECOVER}/{FIRST}/cancel").reason == "already_finished"


def test_a_cancellation_that_another_one_overtook_counts_as_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.begin()
    stale = world.recoveries.load(RecoveryId.parse(FIRST))
    world.ask("POST", f"{RECOVER}/{FIRST}/cancel")
    fresh, given = world.recoveries.load(RecoveryId.parse(FIRST)), [stale]
    monkeypatch.setattr(world.recoveries, "load", lambda _: given.pop() if given else fresh)
    monkeypatch.setattr(world.recoveries, "_states", lambda _: [(1, RecoveryState.REQUESTED)])
    world.moment += timedelta(seconds=1)
    assert world.ask("POST", f"{RECOVER}/{FIRST}/cancel").status == 202


@pytest.mark.parametrize("call", ["cancel", "undo"])
def test_there_is_nothing_to_do_for_a_recovery_that_does_not_exist(world: World, call: str) -> None:
    reply = world.ask("POST", f"{RECOVER}/{FIRST}/{call}")
    assert (reply.status, reply.reason) == (404, "unknown_recovery")


def test_undoing_restores_the_safety_backup_to_the_same_place(world: World) -> None:
    world.begin({**NEWEST, "target": {"path": PATH}})
    safety = world.finish(FIRST)
    reply = world.ask("POST", f"{RECOVER}/{FIRST}/undo", {})
    assert (reply.status, reply.headers["location"]) == (202, f"../{SECOND}")
    assert (reply.document["id"], reply.document["undo_of"], reply.document["backup_key"]) == (SECOND, FIRST, safety.text)
    assert reply.document["target"] == {"server_id": "server_001", "path": PATH}
    request = world.recoveries.load(RecoveryId.parse(SECOND)).request
    assert (request.allow_unverified, request.allow_schema_change) == (True, True)
    assert world.jobs[-1] == f"{SECOND}/requested/0"


def test_undoing_twice_with_one_key_is_one_recovery(world: World) -> None:
    world.begin()
    world.finish(FIRST)
    for _ in range(2):
        reply = world.ask("POST", f"{RECOVER}/{FIRST}/undo", headers={"Idempotency-Key": "k"})
        assert (reply.status, reply.document["id"]) == (202, SECOND)
    assert world.ask("POST", f"{RECOVER}/{FIRST}/undo").reason == "recovery_running"


def test_undoing_is_over_once_the_safety_backup_is_pruned(world: World) -> None:
    world.begin()
    safety = world.finish(FIRST)
    world.store.put(safety.record_key(RecordName.PRUNED), b"{}")
    reply = world.ask("POST", f"{RECOVER}/{FIRST}/undo")
    assert (reply.status, reply.reason) == (410, "pruned")


def test_undoing_says_where_what_was_there_is_kept(world: World) -> None:
    world.begin()
    world.finish(FIRST, safety=False, kept="/srv/game/world.db.before-000001")
    reply = world.ask("POST", f"{RECOVER}/{FIRST}/undo")
    assert (reply.status, reply.reason) == (409, "nothing_to_undo")
    assert "it was damaged" in reply.document["cause"]
    assert "/srv/game/world.db.before-000001" in reply.document["hint"]


@pytest.mark.parametrize(("state", "said"), [(RecoveryState.UPLOADED, "not finished"), (RecoveryState.FAILED, "not restored")])
def test_nothing_is_undone_where_nothing_was_restored(world: World, state: RecoveryState, said: str) -> None:
    world.begin()
    world.step(FIRST, state)
    reply = world.ask("POST", f"{RECOVER}/{FIRST}/undo")
    assert reply.reason == "nothing_to_undo"
    assert said in reply.document["cause"]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (StoreError("list", "catalog/", "SlowDown", "Wait.", retryable=True), 503, "unavailable"),
        (StoreError("list", "catalog/", "NoSuchBucket", "Create it."), 500, "failed"),
        (CatalogError("list records", "catalog/x", "it is no record", "Move it."), 500, "failed"),
        (ZeroDivisionError("secret value"), 500, "defect"),
    ],
)
def test_what_fails_behind_it_is_told_as_far_as_it_helps(
    world: World, caplog: pytest.LogCaptureFixture, error: Exception, status: int, reason: str
) -> None:
    world.memory.fail("list", error)
    reply = world.ask("POST", RECOVER, MISSION)
    assert (reply.status, reply.reason) == (status, reason)
    assert "secret value" not in str(reply.document)
    assert reply.document["instance"] == "urn:fleetsave:request:c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
    logged = [record for record in caplog.records if record.levelname == "ERROR"]
    assert logged
    assert all(vars(record)["request_id"] == "c6af9ac6-7b61-11e6-9a41-93e8deadbeef" for record in logged)


def test_a_wrong_fleet_file_is_told_as_what_it_is(world: World) -> None:
    world.store.put("config/fleet.yaml", b"servers: []")
    reply = world.ask("POST", RECOVER, MISSION)
    assert (reply.status, reply.reason, reply.document["target"]) == (500, "failed", "fleet.yaml")
