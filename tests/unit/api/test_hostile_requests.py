"""Whatever stands where an id, a key, a path or a body is asked for: refused, before anything is read, written or queued."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import BackupKey
from tests.unit.api import hostile
from tests.unit.api.world import FIRST, MISSION, NEWEST, RECOVER, Reply, World

PAYLOADS: list[tuple[str, Any]] = [
    *(("server_id", text) for text in hostile.IDS),
    *(("artifact", text) for text in hostile.IDS),
    *(("target.server_id", text) for text in hostile.IDS),
    *(("backup_key", text) for text in hostile.KEYS),
    *(("target.path", text) for text in hostile.PATHS),
    *(("at", text) for text in hostile.MOMENTS),
    *(("body", body) for body in hostile.BODIES),
]
QUERIES: list[tuple[str, str, str]] = [
    *((path, "server_id", text) for path in ("/backups", RECOVER) for text in hostile.IDS),
    *((path, "cursor", text) for path in ("/backups", RECOVER) for text in hostile.CURSORS),
    *(("/backups", name, text) for name in ("from", "to") for text in hostile.MOMENTS),
    *(("/backups", "verified", text) for text in ("", "yes", "1", "True", "null", "true,false")),
    *(("/backups", "type", text) for text in ("", "Database", "sqlite", "..", "*")),
    *(("/backups", name, "x") for name in ("server", "Server_id", "kind", "limit", "")),
    *(("/status", "server_id", text) for text in ("", "..", "Server", "a" * 64)),
    *(("/status", "max_age", text) for text in ("", "0h", "2", "-2h", "2y", "2h ", "1e3h", "9" * 9 + "h", "NaN", "٢h")),
]


@pytest.fixture(scope="module")
def quiet_world() -> World:
    """A world that nothing here may change, so that one serves all."""
    return World()


def body_with(field: str, value: Any) -> Any:
    if field == "body":
        return value
    if field.startswith("target."):
        return {**NEWEST, "target": {field.removeprefix("target."): value}}
    return {**(MISSION if field == "backup_key" else NEWEST), field: value}


def require_refused(world: World, reply: Reply, value: object, before: Mapping[str, int]) -> None:
    assert (reply.status, reply.reason) == (422, "invalid_input"), reply
    assert reply.document["hint"]
    assert not reply.document["retryable"]
    require_untouched(world, before)
    require_brief(reply, value)


def require_untouched(world: World, before: Mapping[str, int]) -> None:
    assert dict(world.memory.calls) == before
    assert world.queue.jobs == []


def require_brief(reply: Reply, value: object) -> None:
    if isinstance(value, str) and len(value) > 100:
        assert value[:101] not in str(reply.document)


def test_there_are_more_than_two_hundred_payloads() -> None:
    assert len({repr(one) for one in PAYLOADS}) > 200


@pytest.mark.parametrize(("field", "value"), PAYLOADS, ids=lambda one: ascii(one)[:60])
def test_what_does_not_parse_is_refused_before_anything_is_read(quiet_world: World, field: str, value: Any) -> None:
    before = dict(quiet_world.memory.calls)
    reply = quiet_world.ask("POST", RECOVER, body_with(field, value), raw="null" if value is None else None)
    require_refused(quiet_world, reply, value, before)
    assert reply.document["errors"]
    if field != "body":
        assert {error["field"] for error in reply.document["errors"]} == {field}


@pytest.mark.parametrize(("path", "name", "value"), QUERIES, ids=lambda one: ascii(one)[:60])
def test_what_does_not_parse_in_the_address_is_refused_too(quiet_world: World, path: str, name: str, value: str) -> None:
    before = dict(quiet_world.memory.calls)
    query = {"server_id": "server_001"} if path != "/status" else {}
    require_refused(quiet_world, quiet_world.ask("GET", path, query={**query, name: value}), value, before)


@pytest.mark.parametrize("path", ["/backups", RECOVER])
def test_a_parameter_that_stands_there_twice_is_refused(quiet_world: World, path: str) -> None:
    before = dict(quiet_world.memory.calls)
    reply = quiet_world.ask("GET", path, query={"server_id": ["server_001", "server_002"]})
    require_refused(quiet_world, reply, "", before)


@pytest.mark.parametrize("path", [RECOVER, f"{RECOVER}/{FIRST}/cancel", f"{RECOVER}/{FIRST}/undo"])
def test_what_is_wanted_is_never_overlooked_in_the_address(quiet_world: World, path: str) -> None:
    before = dict(quiet_world.memory.calls)
    body = NEWEST if path == RECOVER else None
    require_refused(quiet_world, quiet_world.ask("POST", path, body, query={"dry_run": "true"}), "", before)


@pytest.mark.parametrize("call", ["cancel", "undo"])
@pytest.mark.parametrize("body", [{"dry_run": True}, {"path": "/srv/x"}, [], [{}], "x", 0, False])
def test_what_is_wanted_is_never_overlooked_in_a_body_that_is_not_read(quiet_world: World, call: str, body: Any) -> None:
    before = dict(quiet_world.memory.calls)
    require_refused(quiet_world, quiet_world.ask("POST", f"{RECOVER}/{FIRST}/{call}", body), "", before)


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("POST", "/cancel"), ("POST", "/undo")])
@pytest.mark.parametrize("recovery_id", hostile.RECOVERY_IDS, ids=ascii)
def test_what_is_no_recoverys_id_is_refused(quiet_world: World, method: str, suffix: str, recovery_id: str) -> None:
    before = dict(quiet_world.memory.calls)
    reply = quiet_world.ask(method, f"{RECOVER}/{recovery_id}{suffix}")
    require_refused(quiet_world, reply, recovery_id, before)


@pytest.mark.parametrize("text", hostile.TEXTS, ids=lambda text: ascii(text)[:40])
def test_what_is_no_json_is_refused_as_such(quiet_world: World, text: str) -> None:
    before = dict(quiet_world.memory.calls)
    reply = quiet_world.ask("POST", RECOVER, raw=text)
    assert (reply.status, reply.reason) == (400, "malformed_json")
    require_untouched(quiet_world, before)


@pytest.mark.parametrize("key", ["", "é", "a" * 256, "a\nb", "\0", "a\x7f", "\u200b"], ids=ascii)
def test_an_idempotency_key_of_other_characters_is_refused(quiet_world: World, key: str) -> None:
    before = dict(quiet_world.memory.calls)
    reply = quiet_world.ask("POST", RECOVER, MISSION, headers={"Idempotency-Key": key})
    require_refused(quiet_world, reply, key, before)


@pytest.mark.parametrize("path", hostile.PATHS_NOT_ALLOWED, ids=ascii)
def test_a_path_that_the_fleet_file_does_not_allow_is_refused_with_nothing_written(world: World, path: str) -> None:
    before = world.memory.calls["put"]
    reply = world.ask("POST", RECOVER, {**NEWEST, "target": {"path": path}})
    assert (reply.status, reply.reason) == (422, "target_not_allowed")
    assert (world.memory.calls["put"], world.queue.jobs) == (before, [])
    require_brief(reply, path)


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=200), field=st.sampled_from(["server_id", "artifact", "target.server_id", "backup_key"]))
def test_any_text_is_either_what_is_asked_for_or_refused(quiet_world: World, text: str, field: str) -> None:
    before = dict(quiet_world.memory.calls)
    reply = quiet_world.ask("POST", RECOVER, {**body_with(field, text), "dry_run": True})
    if reply.status == 422 and reply.reason == "invalid_input":
        require_untouched(quiet_world, before)
    else:
        assert reply.status in {200, 404, 422}
        assert field != "backup_key" or is_key(text)
    assert quiet_world.queue.jobs == []


@settings(max_examples=100, deadline=None)
@given(text=st.from_regex(r"servers/server_00[12]/(database|files)/[a-z0-9_./%-]{0,60}(\.db|\.tar)?(\.zst)?", fullmatch=True))
def test_a_text_like_a_key_is_either_one_or_refused(quiet_world: World, text: str) -> None:
    reply = quiet_world.ask("POST", RECOVER, {**MISSION, "backup_key": text, "dry_run": True})
    assert (reply.status == 422 and reply.reason == "invalid_input") is not is_key(text)
    assert quiet_world.queue.jobs == []


def is_key(text: str) -> bool:
    try:
        BackupKey.parse(text)
    except InvalidInputError:
        return False
    return True
