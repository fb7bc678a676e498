"""The command line on a real S3 server: from an empty bucket to a pruned one, by exit codes and JSON alone."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.cli.main import main
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot
from fleetsave.settings import variable
from fleetsave.store.s3 import S3Store
from tests.unit.prune.bucket import BODY, FLEET_TEXT, stored, verdict

BUCKET = "command-line"


@pytest.fixture
def store(seaweedfs_server: SeaweedFS, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """Return the bucket, named in the environment as an operator would."""
    seaweedfs_server.create_bucket(BUCKET)
    credentials = seaweedfs_server.credentials()
    for name, value in {
        "bucket": BUCKET,
        "store_provider": "portable",
        "store_endpoint": seaweedfs_server.endpoint,
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
    }.items():
        monkeypatch.setenv(variable(name), value)
    return S3Store(seaweedfs_server.client(), BUCKET, conditional_writes=False)


def add(store: S3Store, age: timedelta) -> BackupKey:
    slot = Slot((datetime.now(UTC) - age).replace(microsecond=0))
    key = BackupKey(ArtifactId("beta", Kind.DATABASE, "database"), slot, Compression.ZSTD)
    store.put(key.text, BODY)
    Catalog(store).append(key, RecordName.STORED, stored(key))
    Catalog(store).append(key, RecordName.VERIFIED, verdict(key, RecordName.VERIFIED))
    return key


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_fleet_is_put_in_place_watched_and_pruned(store: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(FLEET_TEXT)
    assert run(capsys, "config", "show")[0] == 2
    assert run(capsys, "config", "push", str(file))[0] == 0
    assert run(capsys, "status")[0] == 1
    newest, *old = [add(store, timedelta(hours=hours)) for hours in (1, 2, 3)]
    listed = run(capsys, "list")[1]["backups"]
    assert [one["key"] for one in listed] == [key.text for key in (newest, *old)]
    assert run(capsys, "show", f"s3://{BUCKET}/{newest}")[1]["state"] == "verified"
    deadline = time.monotonic() + 30
    while run(capsys, "prune", "--keep-for", "1s")[1]["backups"]["would_delete"] < 2:
        assert time.monotonic() < deadline
    code, report = run(capsys, "prune", "--keep-for", "1s", "--execute", "--yes")
    assert (code, report["backups"]["deleted"]) == (0, 2)
    assert [info.key for info in store.list("servers/")] == [newest.text]
    assert run(capsys, "list", "--state", "pruned")[1]["total"] == 2
    assert run(capsys, "show", old[0].text)[1]["records"]["pruned"]["newest_verified_key"] == newest.text


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("secret_access_key", "wrong", 3),
        ("bucket", "no-such-bucket", 3),
        ("store_endpoint", "http://127.0.0.1:9", 3),
        ("store_endpoint", "nowhere", 2),
        ("store_provider", "azure", 2),
    ],
)
@pytest.mark.usefixtures("store")
def test_a_store_that_cannot_be_used_gives_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, code: int
) -> None:
    monkeypatch.setenv(variable(name), value)
    assert main(["status"]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert [line.split(":")[0].strip() for line in printed.err.splitlines()] == ["error", "cause", "hint"]
