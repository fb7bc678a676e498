"""On the deployed stack, in both profiles: one signed request brings a live database back, with proof, and another undoes it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from fleetsave.api_client import RecoveryApi
from fleetsave.local.emulator import REGION
from fleetsave.local.game import check_game
from fleetsave.local.game_servers import Game
from fleetsave.local.mischief import damage
from fleetsave.model.errors import ApiProblemError
from fleetsave.model.history import State
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Compression
from fleetsave.model.slots import Slot
from tests.end_to_end.deployment import Deployment

REQUEST = {
    "server_id": "server_001",
    "backup_key": "servers/server_001/database/server_001_20240101_120000_database.db",
    "backup_type": "database",
}
"""The request of the mission, word for word."""


@pytest.fixture(scope="module")
def api(deployment: Deployment) -> RecoveryApi:
    operator = Credentials(*deployment.stack.api_credentials("operator"))
    return RecoveryApi(deployment.stack.api_url, operator, REGION)


@pytest.fixture(scope="module")
def game(deployment: Deployment) -> Game:
    return deployment.servers[0].games[0]


@pytest.fixture(scope="module")
def backup(deployment: Deployment) -> BackupKey:
    """The backup that the mission's request names, verified."""
    artifact_id = deployment.artifacts[0]
    job = Job(artifact_id, Slot.parse("20240101_120000"))
    deployment.stack.client("sqs").send_message(
        QueueUrl=deployment.stack.physical_name("CollectQueue"),
        MessageBody=job.to_json(),
        MessageGroupId=job.group,
        MessageDeduplicationId=f"mission-{deployment.profile}",
    )
    key = BackupKey(artifact_id, job.slot, Compression.ZSTD)
    deployment.wait_for_state(key, State.VERIFIED)
    return key


def copy_of(game: Game, folder: Path) -> Path:
    copy = folder / "live copy.db"
    with closing(sqlite3.connect(game.path, timeout=30)) as live, closing(sqlite3.connect(copy)) as kept:
        live.backup(kept)
    return copy


def test_the_missions_request_brings_a_ruined_live_database_back_and_can_be_undone(
    deployment: Deployment, api: RecoveryApi, game: Game, backup: BackupKey, tmp_path: Path
) -> None:
    damage(game.path)
    assert check_game(copy_of(game, tmp_path)) != []
    begun = api.recover(REQUEST)
    assert (begun.status, begun.is_replay) == (202, False)
    recovered = ended(deployment, api, begun.document["id"])
    assert recovered["status"] == "recovered", recovered
    assert recovered["backup_key"] == backup.text
    assert {one["outcome"] for one in recovered["proof"]["findings"]} == {"passed"}
    assert check_game(copy_of(game, tmp_path)) == []
    safety = BackupKey.parse(recovered["safety_backup"]["backup_key"])
    assert deployment.state(safety) is State.VERIFIED
    assert game.is_running
    assert game.status().busy_errors == 0

    undone = ended(deployment, api, api.undo(recovered["id"]).document["id"])
    assert undone["status"] == "recovered", undone
    assert undone["backup_key"] == safety.text
    assert check_game(copy_of(game, tmp_path)) != [], "what was there before is there again"

    again = ended(deployment, api, api.recover(REQUEST).document["id"])
    assert again["status"] == "recovered", again
    assert [one["id"] for one in api.list("server_001").document["recoveries"]][:3] == [
        again["id"],
        undone["id"],
        recovered["id"],
    ]
    assert not list(game.path.parent.glob(".fleetsave-*"))


def test_a_dry_run_tells_the_whole_plan_and_does_nothing(
    deployment: Deployment, api: RecoveryApi, backup: BackupKey
) -> None:  # fmt: skip
    before = {info.key for info in deployment.store.list("recoveries/")}
    plan = api.plan(REQUEST).document["plan"]
    assert plan["backup_key"] == backup.text
    assert any("restore through SQLite" in step for step in plan["steps"])
    assert {info.key for info in deployment.store.list("recoveries/")} == before


def test_the_same_request_sent_twice_is_one_recovery(
    deployment: Deployment, api: RecoveryApi, backup: BackupKey
) -> None:  # fmt: skip
    assert backup
    first = api.recover(REQUEST, "the-same-key")
    second = api.recover(REQUEST, "the-same-key")
    assert (second.document["id"], second.is_replay) == (first.document["id"], True)
    with pytest.raises(ApiProblemError) as refused:
        api.recover(REQUEST, "another-key")
    assert (refused.value.status, refused.value.reason) == (409, "recovery_running")
    assert ended(deployment, api, first.document["id"])["status"] == "recovered"


def ended(deployment: Deployment, api: RecoveryApi, recovery_id: str) -> dict[str, Any]:
    """Wait for the end of a recovery and return it."""
    deployment.wait_for(f"the end of {recovery_id}", lambda: bool(api.get(recovery_id).document["is_finished"]), patience=120)
    return api.get(recovery_id).document
