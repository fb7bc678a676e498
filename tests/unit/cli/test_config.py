"""A fleet file reaches the bucket only if it is right, and a slip that would drop half the fleet is caught."""

import json
from io import StringIO
from pathlib import Path

import jsonschema
import pytest
import yaml

from fleetsave.catalog.fleet_file import parse_fleet, read_text
from tests.unit.cli.conftest import CommandLine
from tests.unit.prune.bucket import FLEET_TEXT

ROOT = Path(__file__).parents[3]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET_TEXT)
    return path


def only(path: Path, *server_ids: str) -> None:
    """Leave only these servers in a fleet file."""
    content = yaml.safe_load(path.read_text())
    content["servers"] = [server for server in content["servers"] if server["id"] in server_ids]
    path.write_text(yaml.safe_dump(content))


def test_a_right_file_is_valid_without_a_bucket(fleetsave: CommandLine, file: Path) -> None:
    assert fleetsave("config", "validate", str(file)) == 0
    assert "2 servers, 3 artifacts" in fleetsave.out


def test_every_problem_of_a_wrong_file_is_told(fleetsave: CommandLine, file: Path) -> None:
    file.write_text(FLEET_TEXT.replace("key_secret", "kee_secret"))
    assert fleetsave("config", "validate", str(file), "--json") == 2
    cause = fleetsave.document["cause"]
    assert "servers[0].ssh.kee_secret: unknown key; did you mean 'key_secret'?" in cause
    assert "servers[1].ssh.kee_secret" in cause


def test_a_file_that_is_not_text_is_refused(fleetsave: CommandLine, file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    assert fleetsave("config", "validate", str(file)) == 2
    assert fleetsave("config", "validate", str(file.parent / "gone.yaml")) == 2


def test_a_pushed_file_is_the_buckets_byte_for_byte(fleetsave: CommandLine, file: Path) -> None:
    fleetsave.bucket.store.delete("config/fleet.yaml")
    assert fleetsave("config", "push", str(file), "--json") == 0
    assert fleetsave.document["servers_added"] == ["alpha", "beta"]
    assert read_text(fleetsave.bucket.store) == FLEET_TEXT
    assert fleetsave("config", "show") == 0
    assert fleetsave.out == FLEET_TEXT


def test_a_wrong_file_is_not_pushed(fleetsave: CommandLine, file: Path) -> None:
    file.write_text("servers: []")
    assert fleetsave("config", "push", str(file)) == 2
    assert read_text(fleetsave.bucket.store) == FLEET_TEXT


def test_what_changes_is_shown(fleetsave: CommandLine, file: Path) -> None:
    only(file, "alpha")
    assert fleetsave("config", "push", str(file)) == 0
    assert "- server   beta" in fleetsave.out
    assert "- artifact beta/database/database" in fleetsave.out


def test_dropping_more_than_half_of_the_servers_needs_a_yes(
    fleetsave: CommandLine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    text = FLEET_TEXT.replace("id: alpha", "id: gamma").replace("id: beta", "id: delta")
    file.write_text(text)
    assert fleetsave("config", "push", str(file), "--json") == 4
    assert fleetsave("config", "push", str(file)) == 4
    assert read_text(fleetsave.bucket.store) == FLEET_TEXT
    assert fleetsave("config", "push", str(file), "--yes") == 0
    assert read_text(fleetsave.bucket.store) == text


def test_a_broken_file_in_the_bucket_can_be_replaced_after_a_yes(fleetsave: CommandLine, file: Path) -> None:
    fleetsave.bucket.store.put("config/fleet.yaml", b"servers: [")
    assert fleetsave("config", "push", str(file), "--json") == 4
    assert fleetsave("config", "push", str(file), "--yes") == 0
    assert read_text(fleetsave.bucket.store) == FLEET_TEXT


def test_without_a_file_in_the_bucket_show_says_how_to_push_one(fleetsave: CommandLine) -> None:
    fleetsave.bucket.store.delete("config/fleet.yaml")
    assert fleetsave("config", "show") == 2
    assert "fleetsave config push fleet.yaml" in fleetsave.err


def test_shown_for_machines_it_is_what_fleetsave_understands(fleetsave: CommandLine) -> None:
    assert fleetsave("config", "show", "--json") == 0
    assert fleetsave.document["servers"][1]["id"] == "beta"


def test_the_published_schema_is_the_models(fleetsave: CommandLine) -> None:
    assert fleetsave("config", "schema") == 0
    assert fleetsave.document == json.loads((ROOT / "docs" / "fleet.schema.json").read_text())


def test_the_example_is_valid_by_model_and_by_schema(fleetsave: CommandLine) -> None:
    text = (ROOT / "fleet.example.yaml").read_text()
    fleet = parse_fleet(text)
    assert len(fleet.servers) == 4
    assert any(database.is_glob for server in fleet.servers for database in server.databases)
    fleetsave("config", "schema", "--json")
    jsonschema.validate(yaml.safe_load(text), fleetsave.document)


def test_the_central_postgresql_counts_among_what_a_push_adds_and_removes(fleetsave: CommandLine, file: Path) -> None:
    central = "postgresql: {host: db, secret: fleetsave/postgresql/read-x, databases: [{database: game}]}\n"
    file.write_text(FLEET_TEXT + central)
    assert fleetsave("config", "push", str(file), "--json") == 0
    assert (fleetsave.document["servers_added"], fleetsave.document["artifacts_added"]) == (
        ["central"],
        ["central/postgresql/postgresql"],
    )
    assert fleetsave("config", "validate", str(file)) == 0
    assert "3 servers, 4 artifacts" in fleetsave.out
    file.write_text(FLEET_TEXT)
    fleetsave("config", "push", str(file), "--yes", "--json")
    assert fleetsave.document["artifacts_removed"] == ["central/postgresql/postgresql"]
