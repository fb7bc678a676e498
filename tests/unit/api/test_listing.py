"""Pages of recoveries and backups, newest first, and the state of the fleet."""

from datetime import timedelta
from typing import Any

import pytest

from fleetsave.api.listing import BACKUPS_A_PAGE, RECOVERIES_A_PAGE
from fleetsave.model.keys import RecordName
from fleetsave.model.recovery_records import RecoveryState
from tests.unit.api.world import FIRST, MISSION, NOON, RECOVER, VERIFIED, Reply, World, key_of

HOUR = timedelta(hours=1)


def pages(world: World, path: str, **query: str) -> list[dict[str, Any]]:
    """Return every page of a list."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        reply = world.ask("GET", path, query={"server_id": "server_001", **query} | ({"cursor": cursor} if cursor else {}))
        assert reply.status == 200, reply
        found.append(reply.document)
        cursor = reply.document["next_cursor"]
    return found


def backups(reply: Reply) -> list[str]:
    assert reply.status == 200, reply
    return [one["backup_key"] for one in reply.document["backups"]]


def test_backups_are_listed_newest_first_and_all_once(world: World) -> None:
    keys = [world.add(key_of(name, at=NOON + hour * HOUR)) for hour in range(1, 60) for name in ("database", "safety-database")]
    found = pages(world, "/backups")
    assert [len(page["backups"]) for page in found] == [BACKUPS_A_PAGE, len(keys) + 1 - BACKUPS_A_PAGE]
    listed = [one["backup_key"] for page in found for one in page["backups"]]
    assert sorted(listed) == sorted([key_of().text, *(key.text for key in keys)])
    assert [one["at"] for page in found for one in page["backups"]] == sorted(
        (one["at"] for page in found for one in page["backups"]), reverse=True
    )


def test_a_page_costs_one_listing(world: World) -> None:
    before = dict(world.memory.calls)
    world.ask("GET", "/backups", query={"server_id": "server_001"})
    assert {name: calls - before.get(name, 0) for name, calls in world.memory.calls.items()} == dict.fromkeys(before, 0) | {
        "list": 1
    }


def test_a_backup_is_shown_with_all_that_its_listing_tells(world: World) -> None:
    world.add(key_of("safety-database", at=NOON + HOUR), RecordName.STORED)
    world.store.put(key_of().record_key(RecordName.PINNED), b"{}")
    safety, own = world.ask("GET", "/backups", query={"server_id": "server_001"}).document["backups"]
    assert own == {
        "backup_key": key_of().text,
        "server_id": "server_001",
        "backup_type": "database",
        "artifact": "database",
        "at": "2024-01-01T12:00:00Z",
        "state": "verified",
        "verified": True,
        "safety": False,
        "pinned": True,
        "updated_at": "2024-01-01T12:05:00Z",
    }
    assert (safety["artifact"], safety["safety"], safety["verified"], safety["state"]) == (
        "safety-database",
        True,
        False,
        "stored",
    )


@pytest.mark.parametrize(
    ("query", "hours"),
    [
        ({}, [3, 2, 1, 0]),
        ({"type": "database"}, [3, 2, 1, 0]),
        ({"type": "files"}, []),
        ({"verified": "true"}, [0]),
        ({"verified": "false"}, [3, 2, 1]),
        ({"from": "2024-01-01T14:00:00+00:00"}, [3, 2]),
        ({"to": "2024-01-01T14:00:00+01:00"}, [1, 0]),
        ({"from": "2024-01-01T13:00:00Z", "to": "2024-01-01T13:00:00Z"}, [1]),
        ({"from": "2024-01-02T00:00:00Z"}, []),
        ({"server_id": "server_002"}, []),
        ({"server_id": "server_009"}, []),
        ({"server_id": "central"}, []),
        ({"server_id": "central", "type": "database"}, []),
    ],
)
def test_backups_are_chosen_by_type_time_and_verdict(world: World, query: dict[str, str], hours: list[int]) -> None:
    world.add(key_of(at=NOON + HOUR), RecordName.STORED)
    world.add(key_of(at=NOON + 2 * HOUR), RecordName.STORED, RecordName.REJECTED)
    world.add(key_of(at=NOON + 3 * HOUR), *VERIFIED, RecordName.PRUNED)
    reply = world.ask("GET", "/backups", query={"server_id": "server_001", **query})
    assert backups(reply) == [key_of(at=NOON + hour * HOUR).text for hour in hours]


def test_recoveries_are_listed_newest_first_twenty_a_page(world: World) -> None:
    for _ in range(RECOVERIES_A_PAGE + 3):
        world.step(world.begin(), RecoveryState.FAILED)
    found = pages(world, RECOVER)
    assert [len(page["recoveries"]) for page in found] == [RECOVERIES_A_PAGE, 3]
    ids = [one["id"] for page in found for one in page["recoveries"]]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == RECOVERIES_A_PAGE + 3


def test_a_recovery_is_listed_with_what_was_asked_and_where_it_stands(world: World) -> None:
    world.begin()
    world.finish(FIRST)
    world.ask("POST", f"{RECOVER}/{FIRST}/undo")
    undo, first = world.ask("GET", RECOVER, query={"server_id": "server_001"}).document["recoveries"]
    assert first == {
        "id": FIRST,
        "state": "recovered",
        "is_finished": True,
        "server_id": "server_001",
        "backup_type": "database",
        "backup_key": MISSION["backup_key"],
        "target": {"server_id": "server_001", "path": None},
        "requested_by": "arn:aws:iam::123456789012:user/operator",
        "requested_at": "2024-01-01T12:05:00Z",
        "undo_of": None,
    }
    assert (undo["state"], undo["is_finished"], undo["undo_of"]) == ("requested", False, FIRST)


def test_a_page_of_recoveries_costs_one_listing_and_a_read_for_each(world: World) -> None:
    for _ in range(3):
        world.step(world.begin(), RecoveryState.FAILED)
    before = dict(world.memory.calls)
    world.ask("GET", RECOVER, query={"server_id": "server_001"})
    assert world.memory.calls["list"] - before["list"] == 1
    assert world.memory.calls["get"] - before["get"] == 3


@pytest.mark.parametrize("path", ["/backups", RECOVER])
def test_a_list_of_what_is_not_there_is_empty(world: World, path: str) -> None:
    reply = world.ask("GET", path, query={"server_id": "server_009"})
    assert (reply.status, *reply.document.values()) == (200, [], None)


def test_a_cursor_of_one_list_is_none_of_another(world: World) -> None:
    for _ in range(RECOVERIES_A_PAGE + 1):
        world.step(world.begin(), RecoveryState.FAILED)
    cursor = pages(world, RECOVER)[0]["next_cursor"]
    for path, server_id in (("/backups", "server_001"), (RECOVER, "server_002")):
        reply = world.ask("GET", path, query={"server_id": server_id, "cursor": cursor})
        assert (reply.status, reply.reason) == (422, "invalid_input")


def test_the_status_tells_of_every_artifact(world: World) -> None:
    document = world.ask("GET", "/status").document
    assert (document["is_safe"], document["maximum_age_seconds"]) == (False, 7200)
    safe = {one["artifact"]: one["is_safe"] for one in document["artifacts"]}
    assert safe == {
        "server_001/database/database": True,
        "server_002/database/database": False,
        "server_003/database/world": False,
        "server_003/database/players": False,
    }


def test_the_status_of_one_server_looks_at_no_other(world: World) -> None:
    document = world.ask("GET", "/status", query={"server_id": "server_001"}).document
    assert [one["artifact"] for one in document["artifacts"]] == ["server_001/database/database"]
    assert document["is_safe"]


def test_the_status_of_a_server_that_the_fleet_file_does_not_name_is_not_safe_but_refused(world: World) -> None:
    reply = world.ask("GET", "/status", query={"server_id": "server_009"})
    assert (reply.status, reply.reason) == (404, "unknown_server")


def test_the_status_asks_for_the_age_that_is_wanted(world: World) -> None:
    document = world.ask("GET", "/status", query={"max_age": "1m"}).document
    assert document["maximum_age_seconds"] == 60
    assert next(one["problem"] for one in document["artifacts"]) == "its newest verified backup is 5 min old"
