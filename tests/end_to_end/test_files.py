"""On the deployed stack, in both profiles: a folder and a whole server from schedule to proof, and a lost file back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from fleetsave.api_client import RecoveryApi
from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.local.emulator import REGION
from fleetsave.local.game_servers import fleet_text
from fleetsave.local.world_tree import WorldTree
from fleetsave.model.history import State
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.records import Level
from tests.end_to_end.deployment import Deployment, slot_of_minute

SERVER = "server_001"
FILES = ArtifactId(SERVER, Kind.FILES, "files")
FULL = ArtifactId(SERVER, Kind.FULL, "full")


@pytest.fixture(scope="module")
def tree(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorldTree]:
    """A folder on the first server that the deployed stack's fleet file names, and the server in full, for this module."""
    folder: Path = tmp_path_factory.mktemp("world") / "world"
    tree = WorldTree(folder, small=600, large=1, large_megabytes=9)
    also = {SERVER: {"files": [{"path": str(folder)}], "full": {}}}
    write_fleet(deployment.store, fleet_text(deployment.servers, also=also))
    yield tree
    tree.stop()
    write_fleet(deployment.store, fleet_text(deployment.servers))


def stored(deployment: Deployment, artifact_id: ArtifactId, minutes_ago: int) -> BackupKey:
    """Fire the schedule of a kind, and return the key of what it leads to, verified."""
    key = BackupKey(artifact_id, slot_of_minute(minutes_ago), Compression.ZSTD)
    message: dict[str, object] = {"kind": artifact_id.kind, "slot": key.slot.at.isoformat(), "period_minutes": 1}
    deployment.send("DispatchQueue", message)
    deployment.wait_for_state(key, State.VERIFIED)
    return key


@pytest.fixture(scope="module")
def backup(deployment: Deployment, tree: WorldTree) -> BackupKey:
    assert tree.digest_of_precious()
    return stored(deployment, FILES, 70)


def test_a_live_folder_is_proven_to_be_what_the_server_read(deployment: Deployment, backup: BackupKey) -> None:
    verdict = deployment.catalog.verdict(backup, RecordName.VERIFIED)
    assert verdict.level >= Level.EQUAL_TO_SOURCE
    report = deployment.catalog.stored(backup).archive
    assert (report.files, report.links) == (600 + 1 + 1 + 1, 2)
    assert set(report.problems) <= {"grew"}
    assert deployment.stack.queue_depth("VerifyDlq") == 0, "the event of the manifest beside it is no failure"


def test_a_whole_server_is_one_archive_whose_databases_are_restored(deployment: Deployment, tree: WorldTree) -> None:
    assert tree.folder.exists()
    key = stored(deployment, FULL, 75)
    record, verdict = deployment.catalog.stored(key), deployment.catalog.verdict(key, RecordName.VERIFIED)
    server = next(one for one in deployment.servers if one.id == SERVER)
    assert record.archive.databases == [f"databases/{game.database.name}.db" for game in server.games]
    assert verdict.level >= Level.EQUAL_TO_SOURCE


def test_a_deleted_file_is_brought_back_and_nothing_else_is_touched(
    deployment: Deployment, backup: BackupKey, tree: WorldTree
) -> None:
    lost, digest = tree.precious.relative_to(tree.folder), tree.digest_of_precious()
    newer = tree.folder / "chunks" / "newer.dat"
    newer.write_bytes(b"written since")
    tree.precious.unlink()
    body = {"server_id": SERVER, "backup_key": backup.text, "backup_type": "files", "paths": [str(lost)]}
    recovered = recover(deployment, body)
    assert recovered["status"] == "recovered", recovered
    assert tree.digest_of_precious() == digest
    assert newer.read_bytes() == b"written since"


def recover(deployment: Deployment, body: dict[str, Any]) -> dict[str, Any]:
    """Ask for a recovery, wait for its end and return it."""
    api = RecoveryApi(deployment.stack.api_url, Credentials(*deployment.stack.api_credentials("operator")), REGION)
    recovery_id = api.recover(body).document["id"]
    deployment.wait_for(f"the end of {recovery_id}", lambda: bool(api.get(recovery_id).document["is_finished"]), patience=150)
    return api.get(recovery_id).document
