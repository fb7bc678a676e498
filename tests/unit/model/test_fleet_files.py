"""Folders, whole servers, and servers behind HTTPS in the fleet file: defaults, what is refused, and whose artifacts they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from fleetsave.model.fleet import Fleet
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot

SSH = {"host": "localhost", "user": "backup", "host_keys": ["ssh-ed25519 AAAA"], "key_secret": "fleetsave/ssh/read-default"}
HTTPS = {"url": "https://game.example.net:8443", "token_secret": "fleetsave/https/read-alpha"}
SLOT = Slot(datetime(2024, 1, 1, 12, tzinfo=UTC))


def fleet(**server: Any) -> Fleet:
    reached = {} if "https" in server else {"ssh": SSH}
    return Fleet.model_validate({"servers": [{"id": "alpha", **reached, **server}]})


def files(**what: Any) -> Fleet:
    return fleet(files=[{"path": "/srv/game", **what}])


def test_what_is_left_out_has_the_documented_defaults() -> None:
    server = fleet(files=[{"path": "/a"}], configuration=[{"path": "/b"}], logs=[{"path": "/c"}], full={}).servers[0]
    assert [one.name for one in server.file_sets] == ["files", "configuration", "logs"]
    one = server.files[0]
    assert (one.include, one.exclude, one.maximum_file_size, one.on_partial) == (["**"], [], None, "warn")
    assert (one.links_out, one.compression, one.deadline) == (False, Compression.ZSTD, timedelta(minutes=13))
    assert server.full is not None
    assert (server.full.name, server.full.on_partial) == ("full", "warn")


def test_the_keys_are_those_of_the_default_names() -> None:
    whole = fleet(files=[{"path": "/a"}], full={})
    keys = [whole.backup_key(artifact_id, SLOT) for kind in (Kind.FILES, Kind.FULL) for artifact_id in whole.artifact_ids(kind)]
    assert [key and key.text for key in keys] == [
        "servers/alpha/files/alpha_20240101_120000_files.tar.zst",
        "servers/alpha/full/alpha_20240101_120000_full.tar.zst",
    ]


@pytest.mark.parametrize(
    ("text", "size"), [("500", 500), (7, 7), ("2K", 2048), ("64M", 64 << 20), ("3G", 3 << 30), ("1T", 1 << 40)]
)
def test_sizes_are_a_number_and_a_unit(text: str | int, size: int) -> None:
    assert files(maximum_file_size=text).servers[0].files[0].maximum_file_size == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5G", "M", "64MB", "64m", True, "9" * 16])
def test_other_sizes_are_refused(text: object) -> None:
    with pytest.raises(ValidationError, match="maximum_file_size"):
        files(maximum_file_size=text)


@pytest.mark.parametrize("pattern", ["", "/a", "a/", "a//b", "../a", "a/..", "./a", "a/./b", "a\0b"])
def test_a_pattern_that_is_not_plainly_below_the_folder_is_refused(pattern: str) -> None:
    for where in ("include", "exclude"):
        with pytest.raises(ValidationError, match="relative to the set's path"):
            files(**{where: [pattern]})


@pytest.mark.parametrize("path", ["/", "/a/", "/a/../b", "/a/./b", "//a", "a", ""])
def test_a_folder_is_below_the_root_and_written_in_its_shortest_form(path: str) -> None:
    with pytest.raises(ValidationError, match="path"):
        files(path=path)


def test_names_differ_over_files_configuration_and_logs() -> None:
    with pytest.raises(ValidationError, match="must differ: a"):
        fleet(files=[{"path": "/a", "name": "a"}], logs=[{"path": "/b", "name": "a"}])


@pytest.mark.parametrize(
    "where", [{"files": [{"path": "/a", "name": "safety-x"}]}, {"files": [{"path": "/a"}], "full": {"name": "safety-x"}}]
)
def test_names_of_safety_backups_are_reserved(where: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="made before a recovery"):
        fleet(**where)


def test_a_full_backup_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="nothing to put into it"):
        fleet(full={})


def test_an_id_belongs_to_its_set_and_so_does_the_backup_made_before_a_recovery() -> None:
    whole = fleet(files=[{"path": "/a", "retention": {"keep_for": "9d"}}], full={})
    own = ArtifactId("alpha", Kind.FILES, "files")
    for artifact_id in (own, own.safety):
        found = whole.find_archive(artifact_id)
        assert found is not None
        assert found[1] is whole.servers[0].files[0]
        policy = whole.retention(artifact_id, timedelta(days=30))
        assert policy is not None
        assert policy.keep_for == timedelta(days=9)
    assert whole.names(ArtifactId("alpha", Kind.FULL, "full"))
    assert not whole.names(ArtifactId("alpha", Kind.FILES, "full"))
    assert not whole.names(ArtifactId("alpha", Kind.DATABASE, "files"))


def test_a_server_is_reached_in_one_way() -> None:
    assert fleet(https=HTTPS).servers[0].ssh is None
    for wrong in ({"https": HTTPS, "ssh": SSH}, {"https": None}):
        with pytest.raises(ValidationError, match="give ssh or https"):
            fleet(**wrong)


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "https://",
        "https://a/",
        "https://a/b",
        "https://user@a",
        "https://a?b",
        "https://a#b",
        "https://a:x",
        "ftp://a",
        "https://a b",
    ],
)
def test_an_address_is_a_host_and_a_port_and_nothing_more(url: str) -> None:
    with pytest.raises(ValidationError, match="write https:// and a host"):
        fleet(https={**HTTPS, "url": url})


def test_restoring_over_https_takes_a_token_of_its_own() -> None:
    server = fleet(https=HTTPS).servers[0]
    assert server.restore_https is not None
    assert server.restore_https.token_secret == "fleetsave/https/restore-alpha"
    assert server.restore_ssh is None


@pytest.mark.parametrize(
    "here", [{"staging": "/a"}, {"python": "py"}, {"recovery": {"before": "stop"}}, {"recovery": {"user": "x"}}]
)
def test_what_the_agent_decides_is_refused_in_the_fleet_file(here: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="the agent's own configuration"):
        fleet(https=HTTPS, **here)
