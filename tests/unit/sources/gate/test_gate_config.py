"""A configuration says what a key may be used for, in paths as they really are, or it is refused."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.sources.agent.door_settings import ConfigurationRefusedError
from fleetsave.sources.gate.gate_config import GateConfiguration, fixed_part, is_plain_path, meant_by, real_path

EXAMPLE = Path(__file__).parents[4] / "agent" / "fleetsave-gate.example.json"
NAMES = st.text(st.sampled_from("ab*?[].-"), min_size=1, max_size=4)


def configuration(folder: Path, mode: int = 0o644, **values: Any) -> GateConfiguration:
    path = folder / "gate.json"
    path.write_text(json.dumps({"staging": "/staging", **values}))
    path.chmod(mode)
    return GateConfiguration(str(path))


def entry(path: str, *, literal: bool = False) -> dict[str, Any]:
    return {"path": path, "literal": literal}


def test_the_example_is_a_configuration() -> None:
    made = GateConfiguration(str(EXAMPLE))
    assert [one["path"] for one in made.databases] == ["/srv/game/game.db", "/srv/game/worlds/*.db"]
    assert made.restores == {"new_in": [], "commands": [], "deadline": 3600}


@pytest.mark.parametrize("values", [
    {"staging": "staging"}, {"staging": "/a/../b"}, {"databases": [{}]}, {"databases": [{"path": "/a//b"}]},
    {"folders": [{"path": "/a/"}]},
    {"databases": [{"path": "/a", "checks": {"x": 1}}]}, {"folders": [{"path": "/a", "exclude": ["/x"]}]},
    {"restores": {"commands": "id"}},
    {"databases": [{"path": "/a", "lock_limit": 0}]}, {"restores": {"new_in": ["/a/.."]}}, {"read": True}, {"databases": [[]]},
])  # fmt: skip
def test_what_is_unknown_or_wrong_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationRefusedError):
        configuration(tmp_path, **values)


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigurationRefusedError, match=r"is open to others.*chmod 644"):
        configuration(tmp_path, mode)


def test_what_stands_in_the_way_of_captures_is_told(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    databases = [{"path": f"{tmp_path}/{name}/*.db"} for name in ("real", "link")] + [{"path": "/*/x.db"}]
    made = configuration(tmp_path, staging=f"{tmp_path}/real", databases=databases, folders=[{"path": f"{tmp_path}/none"}])
    assert made.troubles() == [
        f"{tmp_path}/link/*.db leads elsewhere: write its real path",
        f"{tmp_path}/none is not there, or this account may not read it",
    ]


def test_a_staging_folder_that_is_missing_or_others_may_write_stands_in_the_way(tmp_path: Path) -> None:
    assert "no such file" in configuration(tmp_path, staging=f"{tmp_path}/none").troubles()[0].lower()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert configuration(tmp_path, staging=f"{tmp_path}/open").troubles() == [
        f"{tmp_path}/open is not a folder that is ours alone"
    ]


@pytest.mark.parametrize(("pattern", "path", "is_meant"), [
    ("/srv/*.db", "/srv/a.db", True), ("/srv/*.db", "/srv/a/b.db", False), ("/srv/*", "/srv/.env", False),
    ("/srv/.*", "/srv/.env", True),     ("/srv/*/a", "/srv/.ssh/a", False),
    ("/srv/**", "/srv/a/b", False), ("/srv/a", "/srv/a/b", False),
    ("/srv/a", "/srv/A", False), ("/srv/[ab]/x", "/srv/b/x", True), ("/srv/?", "/srv/ab", False),
    ("/*/x", "/etc/x", True), ("/srv/a", "/srv/a\n", False),
])  # fmt: skip
def test_a_star_never_crosses_a_folder(pattern: str, path: str, *, is_meant: bool) -> None:
    assert meant_by(entry(pattern), path) is is_meant


@given(st.lists(NAMES, min_size=1, max_size=4), st.lists(NAMES, min_size=1, max_size=4))
def test_a_literal_path_means_itself_alone(first: list[str], second: list[str]) -> None:
    one, other = ("/" + "/".join(names) for names in (first, second))
    assert meant_by(entry(one, literal=True), other) is (one == other)


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_what_stands_before_the_first_pattern_has_none(names: list[str]) -> None:
    path = "/" + "/".join(names)
    before = fixed_part(entry(path))
    assert not set(before) & set("*?[")
    assert path == before or path.startswith(before)
    assert fixed_part(entry(path, literal=True)) == path


@pytest.mark.parametrize("name", [b"\xe9", "é".encode(), b"\xff\xfe", b"a\n"])
def test_every_name_of_a_file_is_its_bytes_whatever_the_locale(tmp_path: Path, name: bytes) -> None:
    path = f"{tmp_path}/" + name.decode("utf-8", "surrogateescape")
    assert real_path(path).encode("utf-8", "surrogateescape") == os.path.realpath(os.fsencode(path))


@pytest.mark.parametrize("path", ["", "a", "/", "/a/", "//a", "/a//b", "/./a", "/a/..", "/..", "/a\0", None, 7, ["/a"]])
def test_a_path_is_absolute_and_every_name_in_it_stands_for_itself(path: Any) -> None:
    assert not is_plain_path(path)
    assert is_plain_path("/a/...b/ c")
