"""A configuration is used whole, or refused with the one setting that is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from fleetsave.sources.agent.door_config import Configuration
from fleetsave.sources.agent.door_settings import ConfigurationRefusedError

EXAMPLE = Path(__file__).parents[4] / "agent" / "fleetsave-agent.example.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("server.pem", "server.key"):
        (tmp_path / name).touch(mode=0o600)
    return tmp_path


def written(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "agent.json"
    path.touch()
    path.chmod(mode)
    path.write_text(text)
    return str(path)


def values(folder: Path, **changes: Any) -> dict[str, Any]:
    base = {
        "certificate": str(folder / "server.pem"),
        "key": str(folder / "server.key"),
        "read_token_sha256": "0" * 64,
        "staging": "/var/lib/fleetsave-agent",
        "databases": [{"path": "/srv/game/game.db"}],
    }
    return {name: value for name, value in {**base, **changes}.items() if value is not ...}


def configuration(folder: Path, **changes: Any) -> Configuration:
    return Configuration(written(folder, json.dumps(values(folder, **changes))))


def test_what_is_left_out_has_its_default(folder: Path) -> None:
    made = configuration(folder, logs=[{"path": "/srv/game/logs"}], configuration=[{"path": "/srv/game/etc"}])
    assert (made.address, made.port, made.restore_token_sha256, made.full) == ("127.0.0.1", 8443, None, False)
    assert made.databases["database"]["deadline"] == 300
    assert {name: folder["include"] for name, folder in made.folders.items()} == {"configuration": ["**"], "logs": ["**"]}
    assert (made.limits["captures"], made.limits["connections"], made.limits["requests_per_minute"]) == (2, 16, 120)


def test_the_example_is_a_configuration(folder: Path) -> None:
    example = json.loads(EXAMPLE.read_text())
    made = configuration(folder, **{**example, "certificate": str(folder / "server.pem"), "key": str(folder / "server.key")})
    assert made.databases
    assert made.folders
    assert made.full


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "colour: there is no such setting"),
        ({"staging": ...}, "staging: it is missing"),
        ({"staging": "staging"}, "staging: it must be an absolute path"),
        ({"port": "8443"}, "port: it must be a port"),
        ({"port": 70000}, "port: it must be a port"),
        ({"port": True}, "port: it must be a port"),
        ({"full": 1}, "full: it must be true or false"),
        ({"read_token_sha256": "A" * 64}, "read_token_sha256: it must be 64"),
        ({"restore_token_sha256": "0" * 64}, "another token"),
        ({"restore_token_sha256": None}, "restore_token_sha256: it must be"),
        ({"databases": {"path": "/a"}}, "databases: it must be a list"),
        ({"databases": ["/a"]}, r"databases\[0\]: it must be an object"),
        ({"databases": [{"path": "/a", "colour": 1}]}, r"databases\[0\]\.colour: there is no such"),
        ({"databases": [{"path": "/a"}, {"path": "/b"}]}, r"databases\[1\]\.name: 'database' stands there twice"),
        ({"databases": [{"path": "/a", "name": "../x"}]}, r"databases\[0\]\.name: it must be"),
        ({"databases": [{"path": "/a\0b"}]}, r"databases\[0\]\.path: it must be"),
        ({"databases": [{"path": "/a", "deadline": 0}]}, r"databases\[0\]\.deadline: it must be seconds"),
        ({"databases": [{"path": "/a", "checks": {"money": 1}}]}, r"databases\[0\]\.checks: it must be"),
        ({"files": [{"path": "/a", "include": []}]}, r"files\[0\]\.include: it must be"),
        ({"files": [{"path": "/a", "exclude": ["../b"]}]}, r"files\[0\]\.exclude: it must be"),
        ({"files": [{"path": "/a", "name": "x"}], "logs": [{"path": "/b", "name": "x"}]}, "'x' stands there twice"),
        ({"limits": {"captures": 0}}, "limits.captures: it must be a number"),
        ({"limits": {"colour": 1}}, "limits.colour: there is no such"),
        ({"databases": [], "full": True}, "nothing to put into it"),
        ({"certificate": "/nowhere/server.pem"}, "No such file"),
        ({"certificate": "/"}, "is not a file"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationRefusedError, match=words):
        configuration(folder, **changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("[]", "it must be an object"),
        ('{"port": 1, "port": 2}', "stands twice"),
        ('{"port": NaN}', "NaN is no number"),
        ("[" * 100_000, "is not JSON"),
    ],
    ids=range(5),
)
def test_what_is_no_object_of_json_is_refused(folder: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationRefusedError, match=words):
        Configuration(written(folder, text))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_configuration_or_a_key_that_others_may_open_is_refused(folder: Path, mode: int) -> None:
    with pytest.raises(ConfigurationRefusedError, match="chmod 600"):
        Configuration(written(folder, json.dumps(values(folder)), mode))
    (folder / "server.key").chmod(mode)
    with pytest.raises(ConfigurationRefusedError, match=r"server\.key is open to others"):
        configuration(folder)
