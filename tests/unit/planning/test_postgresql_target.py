"""A PostgreSQL database goes back to its own place or to a new name, and never over another database."""

from dataclasses import replace
from typing import Any

import pytest

from fleetsave.model.errors import InvalidInputError, RecoveryRefusedError
from fleetsave.model.fleet import Fleet
from fleetsave.model.recoveries import Reason
from fleetsave.planning.postgresql_target import find_target
from fleetsave.planning.target import Target
from tests.unit.planning import requests
from tests.unit.planning.dumps import CENTRAL, dump_report, fleet_of, key_of, stored_dump
from tests.unit.prune.bucket import DAY


def target(
    name: str | None = None, *, source: str = "game", artifact: str = "postgresql", of: Fleet | None = None, **request: Any
) -> Target:
    key = key_of(DAY, artifact)
    record = stored_dump(key, dump_report(key, {}, database=source))
    return find_target(replace(CENTRAL, target_path=name, **request), record, of or fleet_of())


def refused(name: str | None = None, **given: Any) -> str:
    with pytest.raises(RecoveryRefusedError) as caught:
        target(name, **given)
    assert caught.value.hint
    return caught.value.reason


def test_a_backup_goes_back_to_its_database() -> None:
    found = target()
    assert (found.server_id, found.path, str(found.artifact_id)) == ("central", "game", "central/postgresql/postgresql")
    assert (found.before, found.after) == (None, None)


def test_a_safety_backup_goes_back_to_the_database_it_is_of() -> None:
    found = target("game", artifact="safety-postgresql")
    assert (found.path, str(found.artifact_id)) == ("game", "central/postgresql/postgresql")


@pytest.mark.parametrize("name", ["game_as_it_was", "Game 2", "spiel\u00fc", "x" * 63, 'a"b', "a/b"])
def test_another_name_is_a_new_database(name: str) -> None:
    assert target(name) == Target("central", name, None)


@pytest.mark.parametrize("name", ["", "x" * 64, "\u00fc" * 32, "a\0b", "a\nb", "/srv/game.db", "\udc80"])
def test_what_cannot_be_a_new_databases_name_is_refused(name: str) -> None:
    if not name:
        assert target(name).path == "game"  # nothing was said
        return
    with pytest.raises(InvalidInputError):
        target(name)


@pytest.mark.parametrize("name", ["template0", "template1", "postgres"])
def test_the_servers_own_databases_are_none_to_restore_to(name: str) -> None:
    assert refused(name) == Reason.TARGET_NOT_ALLOWED


def test_another_artifacts_database_is_never_replaced() -> None:
    two = fleet_of({"database": "game"}, {"name": "shop", "database": "shop"})
    assert refused("shop", of=two) == Reason.TARGET_NOT_ALLOWED
    assert target("shop", of=two, artifact="shop", source="shop").path == "shop"


def test_a_database_that_has_another_name_by_now_needs_a_new_one() -> None:
    assert refused(source="old_game") == Reason.TARGET_NOT_ALLOWED
    assert target("look_at_it", source="old_game").artifact_id is None


def test_the_database_that_is_connected_to_meanwhile_cannot_be_replaced() -> None:
    of = fleet_of({"database": "postgres"})
    assert refused(source="postgres", of=of) == Reason.TARGET_NOT_ALLOWED
    of = fleet_of({"database": "postgres"}, recovery={"maintenance_database": "game"})
    assert target(source="postgres", of=of).path == "postgres"


def test_no_other_server_is_restored_to() -> None:
    assert refused(target_server_id="alpha", allow_other_server=True) == Reason.TARGET_NOT_ALLOWED


def test_without_a_central_postgresql_there_is_nowhere_to_go() -> None:
    assert refused(of=requests.fleet_of({"path": "/srv/game.db"})) == Reason.UNKNOWN_SERVER
