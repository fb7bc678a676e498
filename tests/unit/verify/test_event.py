"""The verify queue's messages name one backup, or are refused."""

import json

import pytest

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import BackupKey
from fleetsave.verify.event import Request, parse_event

BUCKET = "fleetsave-backups"
KEY = BackupKey.parse("servers/server_001/database/server_001_20240101_120000_database.db.zst")


def created(key: str, *, bucket: str = BUCKET, detail_type: str = "Object Created") -> str:
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "size": 1, "etag": "e", "sequencer": "0"}, "reason": "PutObject"}
    return json.dumps({"version": "0", "detail-type": detail_type, "source": "aws.s3", "detail": detail})


@pytest.mark.parametrize("key", [KEY.text, f"catalog/{KEY}/stored.json"])
def test_an_object_and_its_record_both_name_the_backup(key: str) -> None:
    assert parse_event(created(key), BUCKET) == Request(KEY, force=False)


def test_the_central_databases_backups_are_named_too() -> None:
    key = "central/postgresql/postgresql_20240101_120000.sql.zst"
    assert parse_event(created(key), BUCKET) == Request(BackupKey.parse(key), force=False)


@pytest.mark.parametrize("artifact", ["", "_game"])
def test_the_object_beside_a_dump_asks_for_nothing(artifact: str) -> None:
    assert parse_event(created(f"central/postgresql/postgresql_20240101_120000{artifact}_globals.sql"), BUCKET) is None


def test_the_manifest_beside_an_archive_asks_for_nothing() -> None:
    key = "servers/server_001/files/server_001_20240101_120000_files.manifest.jsonl.zst"
    assert parse_event(created(key), BUCKET) is None


def test_a_person_cannot_ask_for_the_object_beside_a_dump() -> None:
    with pytest.raises(InvalidInputError):
        parse_event(json.dumps({"key": "central/postgresql/postgresql_20240101_120000_globals.sql"}), BUCKET)


@pytest.mark.parametrize("force", [True, False])
def test_a_person_names_a_backup_by_its_key(force: bool) -> None:
    assert parse_event(json.dumps({"key": KEY.text, "force": force}), BUCKET) == Request(KEY, force=force)
    assert parse_event(json.dumps({"key": KEY.text}), BUCKET) == Request(KEY, force=False)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[]",
        '"text"',
        "[" * 100_000,
        "{}",
        json.dumps({"key": KEY.text, "force": "yes"}),
        json.dumps({"key": KEY.text, "delete": True}),
        json.dumps({"key": 7}),
        json.dumps({"key": "config/fleet.yaml"}),
        json.dumps({"detail-type": "Object Created"}),
        json.dumps({"detail-type": "Object Created", "detail": {"bucket": {"name": BUCKET}, "object": {}}}),
        created(KEY.text, bucket="someone-elses"),
        created(KEY.text, detail_type="Object Deleted"),
        created(f"catalog/{KEY}/verified.json"),
        created(f"catalog/{KEY}/stored.json.bak"),
        created("state/server_001/database/database.json"),
        created("servers/server_001/database/../../../config/fleet.yaml"),
        created("servers/server_001/database/server_002_20240101_120000_database.db.zst"),
        created(KEY.text + "\n"),
        created("servers/%2e%2e/x"),
    ],
)
def test_every_other_message_is_refused_for_good(body: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_event(body, BUCKET)
    assert not caught.value.retryable
    assert len(str(caught.value)) < 1_000
