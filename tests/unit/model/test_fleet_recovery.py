"""What the fleet file says of restoring, and whose the backups made before a recovery are."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fleetsave.model.fleet import Fleet, RecoveryAccess
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from tests.unit.model.test_fleet import CONTENT, DAY, artifact, with_value
from tests.unit.model.test_keys import ids

PLACE = ("servers", 0)


def with_databases(*databases: dict[str, Any]) -> Fleet:
    return Fleet.model_validate(with_value(list(databases), *PLACE, "databases"))


# --- access ---------------------------------------------------------------------------------------------------------------


def test_nothing_has_to_be_said_of_restoring() -> None:
    server = Fleet.model_validate(CONTENT).servers[0]
    assert server.recovery == RecoveryAccess()
    access = server.recovery
    assert (access.user, access.key_secret, access.before, access.after, access.folders) == (None, None, None, None, [])
    assert access.hook_timeout == timedelta(minutes=2)


@pytest.mark.parametrize(
    ("read", "restore"),
    [
        ("fleetsave/ssh/read-default", "fleetsave/ssh/restore-default"),
        ("stage/fleetsave/ssh/read-alpha", "stage/fleetsave/ssh/restore-alpha"),
        ("fleetsave/ssh/mine", "fleetsave/ssh/mine"),
    ],
)
def test_restoring_has_a_secret_of_its_own(read: str, restore: str) -> None:
    server = Fleet.model_validate(with_value(read, *PLACE, "ssh", "key_secret")).servers[0]
    assert server.ssh is not None
    assert server.restore_ssh is not None
    assert server.restore_ssh.key_secret == restore
    assert server.ssh.key_secret == read
    unchanged = {"host", "port", "user", "host_keys", "connect_timeout"}
    assert server.restore_ssh.model_dump(include=unchanged) == server.ssh.model_dump(include=unchanged)


def test_account_and_secret_may_be_named() -> None:
    content = with_value({"user": "game", "key_secret": "other/key"}, *PLACE, "recovery")
    server = Fleet.model_validate(content).servers[0]
    assert server.ssh is not None
    assert server.restore_ssh is not None
    assert (server.restore_ssh.user, server.restore_ssh.key_secret) == ("game", "other/key")
    assert server.restore_ssh.host_keys == server.ssh.host_keys


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", ""),
        ("key_secret", ""),
        ("before", ""),
        ("after", ""),
        ("hook_timeout", "0s"),
        ("hook_timeout", 120),
        ("folders", ["srv"]),
        ("folders", ["/srv\0"]),
        ("during", "true"),
    ],
)
def test_what_makes_no_sense_for_restoring_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Fleet.model_validate(with_value({name: value}, *PLACE, "recovery"))


# --- safety artifacts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["safety", "safety-", "safety-database", "safety-x"])
def test_the_names_of_safety_artifacts_are_nobodys(name: str) -> None:
    with pytest.raises(ValidationError, match="made before a recovery"):
        with_databases({"name": name, "path": "/srv/a.db"})


@pytest.mark.parametrize("name", ["safetynet", "my-safety", "safe"])
def test_names_that_only_look_like_them_are_free(name: str) -> None:
    assert with_databases({"name": name, "path": "/srv/a.db"}).find(artifact(name)) is not None


free_ids = ids.filter(lambda name: not f"{name}-".startswith("safety-"))
ANOTHER = {"name": "another", "path": "/srv/b.db"}


@given(free_ids)
def test_a_safety_artifact_belongs_to_the_database_it_is_of(name: str) -> None:
    found = with_databases(ANOTHER, {"name": name, "path": "/srv/a.db"}).find(artifact(name).safety)
    assert found is not None
    assert found[1].name == name


@given(free_ids.map(lambda name: name[:50]), st.text("abcxyz01", min_size=1))
def test_a_safety_artifact_of_a_globs_file_belongs_to_the_glob(glob: str, stem: str) -> None:
    fleet = with_databases(ANOTHER, {"name": glob, "path": "/srv/worlds/*.db"})
    found = fleet.find(artifact(f"{glob}-{stem}"[:63]).safety)
    assert found is not None
    assert found[1].name == glob


def test_a_long_name_is_not_lost_to_a_glob_that_begins_like_it() -> None:
    alike = "n" * 45
    database, glob = f"{alike}{'x' * 18}", f"{alike}g"
    fleet = with_databases({"name": glob, "path": "/srv/worlds/*.db"}, {"name": database, "path": "/srv/a.db"})
    found = fleet.find(artifact(database).safety)
    assert found is not None
    assert found[1].name == database


def test_globs_whose_safety_artifacts_could_not_be_told_apart_are_refused() -> None:
    alike = "n" * 43
    with pytest.raises(ValidationError, match="first 43 characters"):
        with_databases({"name": f"{alike}a", "path": "/srv/a/*.db"}, {"name": f"{alike}b", "path": "/srv/b/*.db"})
    assert with_databases({"name": f"{alike[:42]}a", "path": "/srv/a/*.db"}, {"name": f"{alike[:42]}b", "path": "/srv/b/*.db"})


@pytest.mark.parametrize(
    "wrong",
    [
        artifact("safety-database", server_id="beta"),
        artifact("safety-database", kind=Kind.FILES),
        artifact("safety-other"),
        artifact("safety-worldsx-a"),
        ArtifactId("alpha", Kind.DATABASE, "safety-safety-database"),
    ],
)
def test_a_safety_artifact_of_nothing_belongs_to_nobody(wrong: ArtifactId) -> None:
    assert Fleet.model_validate(CONTENT).find(wrong) is None


def test_safety_backups_are_kept_as_long_as_the_artifacts_own() -> None:
    fleet = Fleet.model_validate(CONTENT)
    for name in ("database", "worlds-nether"):
        own = fleet.retention(artifact(name), 30 * DAY)
        assert own is not None
        assert fleet.retention(artifact(name).safety, 30 * DAY) == own
