"""A dry run for PostgreSQL shows the rows of every table now, as the database has them, and in the backup."""

from typing import Any

import pytest

from fleetsave.model.errors import RestoreError
from fleetsave.model.recovery_records import RecoveryRequest, Survey, TableRows, TargetState
from tests.unit.api.world import CENTRAL_NEWEST, World

DRY_RUN = {**CENTRAL_NEWEST, "dry_run": True}


class Looks:
    """Stands where the recover function would be called."""

    def __init__(self, found: Survey | RestoreError) -> None:
        self.found = found
        self.requests: list[RecoveryRequest] = []

    def survey(self, request: RecoveryRequest) -> Survey:
        self.requests.append(request)
        if isinstance(self.found, RestoreError):
            raise self.found
        return self.found


def survey(comparison: list[TableRows]) -> Survey:
    note = "how much room there is cannot be seen"
    return Survey(TargetState.HEALTHY, 1, None, None, None, None, 1, [], "PostgreSQL 16.15", [note], comparison)


@pytest.fixture
def world() -> World:
    world = World()
    world.add_central()
    return world


def plan(world: World, body: dict[str, Any] = DRY_RUN) -> dict[str, Any]:
    reply = world.ask("POST", "/backup/recover", body)
    assert reply.status == 200, reply.document
    return dict(reply.document["plan"])


def test_rows_now_are_those_of_the_database_itself(world: World) -> None:
    world.surveyor = looks = Looks(survey([TableRows("public.players", None, 3)]))
    shown = plan(world)
    assert shown["comparison"] == [{"table": "public.players", "rows_now": None, "rows_then": 3, "is_estimate": False}]
    assert shown["compared_with"] == "the database itself"
    assert "how much room there is cannot be seen" in shown["warnings"]
    assert [request.kind for request in looks.requests] == ["postgresql"]
    assert world.jobs == []


def test_what_stands_in_the_way_is_told_before_anybody_agrees(world: World) -> None:
    world.surveyor = Looks(
        RestoreError("look at", "game", "the backup needs roles that are not there: x", "Make them.", reason="missing_roles")
    )
    shown = plan(world)
    assert shown["warnings"][0] == "asked now, the server says: the backup needs roles that are not there: x. Make them."
    assert shown["compared_with"] == "20240101_120000", "what is shown instead says what it is"
    assert shown["comparison"][0]["rows_now"] == 3


def test_without_anybody_to_ask_the_newest_backup_stands_for_now(world: World) -> None:
    assert plan(world)["compared_with"] == "20240101_120000"


def test_a_game_servers_database_is_not_asked_for(world: World) -> None:
    world.surveyor = looks = Looks(survey([]))
    plan(world, {"server_id": "server_001", "backup_type": "database", "dry_run": True})
    assert looks.requests == []
