"""A recovery goes where the fleet file allows it to, and nowhere else."""

from typing import Any

import pytest

from fleetsave.model.errors import InvalidInputError, RecoveryRefusedError
from fleetsave.model.fleet import Fleet
from fleetsave.model.recoveries import Reason
from fleetsave.planning.sqlite_target import allowed_folders, find_target
from fleetsave.planning.target import Origin, Target
from tests.unit.planning.requests import ask, fleet_of
from tests.unit.prune.bucket import fleet

GAME = "/srv/game.db"
HOSTILE = [
    "game.db", "./game.db", "/srv/../etc/shadow", "/srv/./x.db", "/srv//x.db", "//srv/x.db", "/srv/x.db/", "/srv/x\0.db",
    "/srv/..", "~/x.db",
]  # fmt: skip


def target(
    path: str | None = None, *, source: str = GAME, artifact: str = "database", of: Fleet | None = None, **request: Any
) -> Target:
    return find_target(ask(target_path=path, **request), Origin(artifact, source), of or fleet())


def refused(path: str | None = None, **given: Any) -> str:
    with pytest.raises(RecoveryRefusedError) as caught:
        target(path, **given)
    assert caught.value.hint
    return caught.value.reason


def test_a_backup_goes_back_to_where_it_came_from() -> None:
    found = target()
    assert (found.server_id, found.path, str(found.artifact_id)) == ("alpha", GAME, "alpha/database/database")


def test_a_globs_file_goes_back_to_its_own_place() -> None:
    found = target(source="/srv/worlds/nether.db", artifact="worlds-nether")
    assert (found.path, str(found.artifact_id)) == ("/srv/worlds/nether.db", "alpha/database/worlds-nether")


def test_a_safety_backup_goes_back_to_the_artifact_it_is_of() -> None:
    found = target(artifact="safety-database")
    assert (found.path, str(found.artifact_id)) == (GAME, "alpha/database/database")


def test_a_database_that_has_moved_needs_a_path() -> None:
    assert refused(source="/srv/old.db") == Reason.TARGET_NOT_ALLOWED
    assert target(GAME, source="/srv/old.db").path == GAME


def test_another_path_in_an_artifacts_folder_is_a_new_file() -> None:
    found = target("/srv/looked-at.db")
    assert (found.path, found.artifact_id) == ("/srv/looked-at.db", None)


def test_another_artifacts_path_is_that_artifact() -> None:
    found = target("/srv/worlds/end.db")
    assert str(found.artifact_id) == "alpha/database/worlds-end"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/srv2/x.db", "/", "/srv", "/srv/worlds/deep/x.txt/../../../../etc/x", "/srvx", "/var/lib/x.db"]
)
def test_a_path_in_no_allowed_folder_is_refused(path: str) -> None:
    with pytest.raises((RecoveryRefusedError, InvalidInputError)):
        target(path)


def test_folders_may_be_named_for_it() -> None:
    of = fleet_of({"path": GAME}, recovery={"folders": ["/var/lib/forensics/"]})
    assert allowed_folders(of.servers[0]) == ["/srv", "/var/lib/forensics"]
    assert target("/var/lib/forensics/x.db", of=of).artifact_id is None
    assert refused("/var/lib/forensics", of=of) == Reason.TARGET_NOT_ALLOWED
    assert refused("/var/lib/forensics2/x.db", of=of) == Reason.TARGET_NOT_ALLOWED


def test_a_server_without_a_folder_allows_none() -> None:
    of = fleet_of({"name": "worlds", "path": "/srv/worlds/*.db"})
    assert refused("/srv/x.db", of=of) == Reason.TARGET_NOT_ALLOWED


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_does_not_say_plainly_where_it_leads_is_refused(path: str) -> None:
    with pytest.raises(InvalidInputError):
        target(path)


def test_another_server_has_to_be_meant() -> None:
    assert refused(target_server_id="beta") == Reason.TARGET_NOT_ALLOWED
    found = target(target_server_id="beta", allow_other_server=True)
    assert (found.server_id, found.path, str(found.artifact_id)) == ("beta", GAME, "beta/database/database")


def test_on_another_server_a_globs_file_or_what_it_lacks_needs_a_path() -> None:
    for artifact in ("worlds-nether", "players"):
        assert refused(target_server_id="beta", allow_other_server=True, artifact=artifact) == Reason.TARGET_NOT_ALLOWED
    assert target("/srv/copy.db", target_server_id="beta", allow_other_server=True, artifact="players").artifact_id is None


@pytest.mark.parametrize("allow", [True, False])
def test_a_server_that_the_fleet_file_does_not_name_is_unknown(*, allow: bool) -> None:
    assert refused(target_server_id="gamma", allow_other_server=allow) == Reason.UNKNOWN_SERVER
