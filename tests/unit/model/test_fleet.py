"""The fleet's schema takes what is right, refuses what is dangerous, and hands policies down from wide to narrow."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Compression, Kind

DAY = timedelta(days=1)
CONTENT: dict[str, Any] = {
    "version": 1,
    "defaults": {"retention": {"keep_last": 5}},
    "servers": [
        {
            "id": "alpha",
            "ssh": {"host": "localhost", "user": "backup", "host_keys": ["ssh-ed25519 AAAA"], "key_secret": "fleetsave/ssh/read"},
            "retention": {"keep_for": "14d", "keep_last": 4},
            "databases": [
                {"path": "/srv/game.db"},
                {"name": "worlds", "path": "/srv/worlds/*.db", "retention": {"keep_for": "7d", "daily": 3}},
            ],
        }
    ],
}


def with_value(value: Any, *path: str | int) -> dict[str, Any]:
    """Return the content with one value replaced or added."""
    content = deepcopy(CONTENT)
    place: Any = content
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return content


def artifact(name: str, server_id: str = "alpha", kind: Kind = Kind.DATABASE) -> ArtifactId:
    return ArtifactId(server_id, kind, name)


def test_what_is_left_out_has_the_documented_defaults() -> None:
    server = Fleet.model_validate(CONTENT).servers[0]
    database = server.databases[0]
    assert server.ssh is not None
    assert (server.ssh.port, server.staging, server.python) == (22, None, None)
    assert (database.name, database.compression, database.fingerprint) == ("database", Compression.ZSTD, True)
    assert (database.deadline, database.lock_limit) == (timedelta(minutes=5), timedelta(seconds=60))


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("45s", timedelta(seconds=45)),
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("30d", 30 * DAY),
        ("2w", 14 * DAY),
        ("1.5h", timedelta(minutes=90)),
        (" 30 d ", 30 * DAY),
    ],
)
def test_durations_are_a_number_and_a_unit(text: str, span: timedelta) -> None:
    fleet = Fleet.model_validate(with_value(text, "servers", 0, "retention", "keep_for"))
    assert fleet.servers[0].retention.keep_for == span


@pytest.mark.parametrize(
    "value", [30, 30.0, "30", "d", "", "0d", "-1d", "30 days", "1y", "P30D", None, [], "1e3d", "9999999999999d"]
)
def test_other_durations_are_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        Fleet.model_validate(with_value(value, "servers", 0, "databases", 0, "deadline"))


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ([], ("servers",)),
        (2, ("version",)),
        ("..", ("servers", 0, "id")),
        ("central", ("servers", 0, "id")),
        ("a/b", ("servers", 0, "databases", 0, "name")),
        ("game.db", ("servers", 0, "databases", 0, "path")),
        ("/srv/\0.db", ("servers", 0, "databases", 0, "path")),
        ("worlds", ("servers", 0, "databases", 0, "name")),
        ("worlds-2", ("servers", 0, "databases", 0, "name")),
        ("gzip", ("servers", 0, "databases", 0, "compression")),
        ({"../x": "SELECT 1"}, ("servers", 0, "databases", 0, "checks")),
        ("relative", ("servers", 0, "staging")),
        ([], ("servers", 0, "ssh", "host_keys")),
        ("", ("servers", 0, "ssh", "host")),
        ("", ("servers", 0, "ssh", "key_secret")),
        (0, ("servers", 0, "ssh", "port")),
        (65536, ("servers", 0, "ssh", "port")),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", ("servers", 0, "ssh", "key_secret")),
        (0, ("defaults", "retention", "keep_last")),
        (-1, ("defaults", "retention", "daily")),
        (0, ("defaults", "retention", "maximum_share")),
        (1.5, ("defaults", "retention", "maximum_share")),
        ("x", ("servers", 0, "surprise")),
        ("x", ("servers", 0, "ssh", "password")),
    ],
)
def test_what_is_wrong_or_dangerous_is_refused(value: object, path: tuple[str | int, ...]) -> None:
    with pytest.raises(ValidationError):
        Fleet.model_validate(with_value(value, *path))


def test_two_servers_cannot_share_an_id() -> None:
    with pytest.raises(ValidationError, match="server ids must differ: alpha"):
        Fleet.model_validate(with_value(CONTENT["servers"] * 2, "servers"))


def test_the_narrowest_retention_wins_value_by_value() -> None:
    fleet = Fleet.model_validate(CONTENT)
    plain = fleet.retention(artifact("database"), 30 * DAY)
    thinned = fleet.retention(artifact("worlds-nether"), 30 * DAY)
    assert plain is not None
    assert thinned is not None
    assert (plain.keep_for, plain.keep_last, plain.daily) == (14 * DAY, 4, 0)
    assert (thinned.keep_for, thinned.keep_last, thinned.daily) == (7 * DAY, 4, 3)


def test_without_any_setting_the_deployments_age_holds() -> None:
    content = with_value({}, "defaults")
    del content["servers"][0]["retention"]
    policy = Fleet.model_validate(content).retention(artifact("database"), 9 * DAY)
    assert policy is not None
    assert (policy.keep_for, policy.keep_last, policy.maximum_share) == (9 * DAY, 3, 0.5)


def test_an_artifact_the_file_does_not_name_has_no_policy() -> None:
    fleet = Fleet.model_validate(CONTENT)
    for unknown in (artifact("other"), artifact("database-2"), artifact("database", "beta"), artifact("files", kind=Kind.FILES)):
        assert fleet.find(unknown) is None
        assert fleet.retention(unknown, DAY) is None


def test_a_glob_owns_the_names_that_begin_with_its_own() -> None:
    fleet = Fleet.model_validate(CONTENT)
    for name in ("worlds", "worlds-nether", "worlds-a-1234"):
        found = fleet.find(artifact(name))
        assert found is not None
        assert found[1].name == "worlds"
    assert fleet.find(artifact("worldsnether")) is None


def test_a_literal_path_is_no_glob() -> None:
    content = with_value(True, "servers", 0, "databases", 1, "literal")
    assert not Fleet.model_validate(content).servers[0].databases[1].is_glob


def test_only_databases_are_artifacts_so_far() -> None:
    fleet = Fleet.model_validate(CONTENT)
    assert [database.name for _, database in fleet.artifacts(Kind.DATABASE)] == ["database", "worlds"]
    assert fleet.artifacts(Kind.FILES) == []


def test_an_artifact_may_say_how_old_its_newest_verified_backup_may_be() -> None:
    fleet = Fleet.model_validate(with_value("90m", "servers", 0, "databases", 1, "rpo"))
    assert fleet.rpo(artifact("worlds-north")) == timedelta(minutes=90)
    assert fleet.rpo(artifact("database")) is None
    assert fleet.rpo(artifact("database", "beta")) is None


def test_the_part_about_one_server_answers_as_the_whole_does() -> None:
    beta = {**CONTENT["servers"][0], "id": "beta"}
    central = {"host": "db", "secret": "fleetsave/postgresql/read", "databases": [{"database": "game", "rpo": "3h"}]}
    fleet = Fleet.model_validate({**CONTENT, "servers": [CONTENT["servers"][0], beta], "postgresql": central})
    parts = fleet.by_server()
    assert list(parts) == ["alpha", "beta", "central"]
    asked = [artifact("database"), artifact("worlds-1"), artifact("database", "beta")]
    asked += [artifact("postgresql", "central", Kind.POSTGRESQL), artifact("other")]
    for one in asked:
        part = parts[one.server_id]
        assert (part.names(one), part.rpo(one), part.retention(one, DAY)) == (
            fleet.names(one), fleet.rpo(one), fleet.retention(one, DAY)
        )  # fmt: skip
        assert not any(other.names(one) for name, other in parts.items() if name != one.server_id)
