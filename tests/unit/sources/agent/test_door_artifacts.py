"""What a request can mean is what the configuration's paths and patterns are now, and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fleetsave.model.fleet import SqliteDatabase
from fleetsave.sources.agent.door_artifacts import files_of, folder_order, full_order, id_of, listing, path_of, snapshot_order
from fleetsave.sources.agent.door_config import Configuration
from fleetsave.sources.agent.door_requests import RefusedRequestError
from fleetsave.sources.agent.door_restores import refusal_of, restore_order
from fleetsave.sources.sqlite.names import artifact_name

Make = Callable[..., Configuration]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(**values: Any) -> Configuration:
        for name in ("server.pem", "server.key", "agent.json"):
            (tmp_path / name).touch(mode=0o600)
        base = {"certificate": str(tmp_path / "server.pem"), "key": str(tmp_path / "server.key"), "read_token_sha256": "0" * 64}
        (tmp_path / "agent.json").write_text(json.dumps({**base, "staging": "/staging", **values}))
        return Configuration(str(tmp_path / "agent.json"))

    return made


@pytest.fixture
def worlds(tmp_path: Path) -> Path:
    (tmp_path / "worlds").mkdir()
    for name in ("b.db", "a.db", ".hidden.db", "B b.db", "notes.txt"):
        (tmp_path / "worlds" / name).touch()
    (tmp_path / "worlds" / "folder.db").mkdir()
    return tmp_path / "worlds"


def test_a_pattern_is_the_files_it_matches_now_sorted(make: Make, worlds: Path) -> None:
    database = make(databases=[{"path": f"{worlds}/*.db"}]).databases["database"]
    assert files_of(database) == [f"{worlds}/{name}" for name in ("B b.db", "a.db", "b.db")]
    (worlds / "a.db").unlink()
    assert f"{worlds}/a.db" not in files_of(database)


def test_a_literal_path_is_never_a_pattern(make: Make, worlds: Path) -> None:
    database = make(databases=[{"path": f"{worlds}/*.db", "literal": True}]).databases["database"]
    assert files_of(database) == [f"{worlds}/*.db"]


def test_only_an_id_of_a_file_that_is_there_means_one(make: Make, worlds: Path) -> None:
    database = make(databases=[{"path": f"{worlds}/*.db"}]).databases["database"]
    assert path_of(database, id_of(f"{worlds}/a.db")) == f"{worlds}/a.db"
    for file in (
        None,
        "",
        "a.db",
        f"{worlds}/a.db",
        id_of("/etc/passwd"),
        id_of(f"{worlds}/notes.txt"),
        id_of(f"{worlds}/.hidden.db"),
    ):
        with pytest.raises(RefusedRequestError) as refused:
            path_of(database, file)
        assert refused.value.status == 404


def test_a_single_path_needs_no_id_and_takes_no_other(make: Make) -> None:
    database = make(databases=[{"path": "/srv/game.db"}]).databases["database"]
    assert path_of(database, None) == path_of(database, id_of("/srv/game.db")) == "/srv/game.db"
    with pytest.raises(RefusedRequestError):
        path_of(database, id_of("/srv/other.db"))


def test_the_listing_says_all_of_it_and_nothing_of_limits_or_tokens(make: Make, worlds: Path) -> None:
    configuration = make(databases=[{"path": f"{worlds}/*.db"}], logs=[{"path": "/var/log/game"}], full=True)
    artifacts = listing(configuration)["artifacts"]
    assert [(one["kind"], one["name"]) for one in artifacts] == [("database", "database"), ("files", "logs"), ("full", "full")]
    assert len(artifacts[0]["files"]) == 3
    assert "0" * 64 not in json.dumps(artifacts)


def test_checks_are_asked_unless_there_is_to_be_no_fingerprint(make: Make) -> None:
    checks = {"money": "SELECT 1"}
    for fingerprint, expected in ((True, checks), (False, None)):
        configuration = make(databases=[{"path": "/srv/game.db", "checks": checks, "fingerprint": fingerprint}])
        order = snapshot_order(configuration, configuration.databases["database"], "/srv/game.db", "snapshot-1")
        assert (order["checks"], order["staging"], order["name"]) == (expected, "/staging", "snapshot-1")


def test_a_full_backup_names_databases_as_our_side_does_and_has_none_of_them_twice(make: Make, worlds: Path) -> None:
    configuration = make(
        databases=[{"name": "worlds", "path": f"{worlds}/*.db"}], files=[{"path": str(worlds), "exclude": ["x"]}]
    )
    order = full_order(configuration, "snapshot-1")
    ours = SqliteDatabase(name="worlds", path=f"{worlds}/*.db")
    assert [part["member"] for part in order["databases"]] == [
        f"databases/{artifact_name(ours, path)}.db" for path in files_of(configuration.databases["worlds"])
    ]
    (tree,) = order["trees"]
    assert (tree["member"], tree["path"], tree["include"]) == ("files/files", str(worlds), ["**"])
    assert set(tree["exclude"]) > {"x", "a.db", "a.db-wal", "a.db-shm", "a.db-journal", "B b.db"}


def test_a_folder_is_archived_as_configured(make: Make) -> None:
    configuration = make(files=[{"path": "/srv/game", "exclude": ["cache"], "maximum_file_size": 5, "deadline": 9}])
    order = folder_order(configuration, configuration.folders["files"], "snapshot-1")
    assert (order["source_path"], order["deadline"], order["databases"]) == ("/srv/game", 9, [])
    assert order["trees"] == [
        {"member": "files/files", "path": "/srv/game", "include": ["**"], "exclude": ["cache"], "maximum_file_size": 5}
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"path": "/srv/other.db"}, "path_differs"),
        ({"path": None}, "path_differs"),
        ({"path": ["/srv/game.db"]}, "path_differs"),
        ({"checks": {"money": "SELECT 2"}}, "checks_differ"),
        ({"checks": {"more": "SELECT 1"}}, "checks_differ"),
        ({"checks": "SELECT 1"}, "checks_differ"),
        ({"new_in": ["/srv"]}, "not_served"),
    ],
)
def test_a_restore_of_anything_else_is_refused(make: Make, changes: dict[str, Any], reason: str | None) -> None:
    database = make(databases=[{"path": "/srv/game.db", "checks": {"money": "SELECT 1"}}]).databases["database"]
    asked = {"path": "/srv/game.db", "checks": {"money": "SELECT 1"}, "recovery": "server_001.000001", **changes}
    refused = refusal_of(database, ["/srv/game.db"], asked)
    assert (refused and refused["error"]) == reason


def test_what_no_restore_may_say_stays_behind(make: Make) -> None:
    database = make(databases=[{"path": "/srv/game.db"}]).databases["database"]
    asked = {
        "path": "/srv/game.db",
        "staging": "/etc",
        "name": "x",
        "older_than": 0,
        "operation": "sweep",
        "links_out": True,
        "size": 5,
    }
    assert restore_order(database, asked) == {"path": "/srv/game.db", "size": 5, "links_out": False}


@pytest.mark.parametrize(
    "wrong", [{"size": "5"}, {"size": True}, {"recovery": 7}, {"deadline": -1}, {"deadline": "5"}, {"keep_aside": 1}]
)
def test_a_value_of_the_wrong_kind_is_a_bad_request(make: Make, wrong: dict[str, Any]) -> None:
    database = make(databases=[{"path": "/srv/game.db"}]).databases["database"]
    with pytest.raises(RefusedRequestError) as refused:
        refusal_of(database, ["/srv/game.db"], {"path": "/srv/game.db", **wrong})
    assert refused.value.status == 400
