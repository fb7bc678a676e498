"""On the deployed stack, in both profiles: from a schedule's message to a proven backup, whatever comes twice or is damaged."""

import json
from pathlib import Path

import pytest

from fleetsave.local.game import check_game
from fleetsave.model.history import State
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.kinds import Compression
from fleetsave.model.records import Level
from tests.end_to_end.deployment import Deployment, slot_of_minute


@pytest.fixture(scope="module")
def first_keys(deployment: Deployment) -> list[BackupKey]:
    """The keys of one slot's backups, all verified."""
    slot = slot_of_minute(10)
    keys = [BackupKey(artifact_id, slot, Compression.ZSTD) for artifact_id in deployment.artifacts]
    deployment.fire(slot)
    for key in keys:
        deployment.wait_for_state(key, State.VERIFIED)
    return keys


def test_every_database_is_proven_equal_to_its_source(deployment: Deployment, first_keys: list[BackupKey]) -> None:
    for key in first_keys:
        verdict = deployment.catalog.verdict(key, RecordName.VERIFIED)
        assert verdict.level is Level.APPLICATION
        assert verdict.plain_sha256 == deployment.catalog.stored(key).plain_sha256


def test_what_is_stored_restores_to_a_whole_game(
    deployment: Deployment, first_keys: list[BackupKey], tmp_path: Path
) -> None:  # fmt: skip
    for key in first_keys:
        assert check_game(deployment.download(key, tmp_path)) == []


def test_nothing_is_left_open_in_the_store_or_on_the_servers(deployment: Deployment, first_keys: list[BackupKey]) -> None:
    assert first_keys
    assert list(deployment.store.list_uploads("")) == []
    deployment.wait_for(
        "empty staging folders", lambda: not any(list((server.directory / "staging").iterdir()) for server in deployment.servers)
    )


def test_the_schedule_delivered_three_times_is_one_backup_each(deployment: Deployment) -> None:
    slot = slot_of_minute(20)
    for _ in range(3):
        deployment.fire(slot)
    keys = [BackupKey(artifact_id, slot, Compression.ZSTD) for artifact_id in deployment.artifacts]
    for key in keys:
        deployment.wait_for_state(key, State.VERIFIED)
    deployment.wait_for("empty queues", lambda: deployment.stack.queue_depth("CollectQueue") == 0)
    for key in keys:
        of_this_slot = [
            backup for backup in deployment.backups(key.artifact_id) if abs(backup.key.slot.at - slot.at).seconds < 60
        ]
        assert [backup.key for backup in of_this_slot] == [key]


def damage(deployment: Deployment, key: BackupKey, *, byte: int) -> None:
    """Let a backup be verified, flip a bit of what is stored, have it read again, and wait until it is rejected."""
    deployment.fire(key.slot)
    deployment.wait_for_state(key, State.VERIFIED)
    body = bytearray(deployment.store.get(key.text, limit=1 << 30))
    body[byte] ^= 0x04
    deployment.store.put(key.text, bytes(body))
    deployment.send("VerifyQueue", {"key": key.text, "force": True})
    deployment.wait_for_state(key, State.REJECTED)


def test_an_older_backup_that_is_damaged_is_rejected_and_today_is_not_stored_in_its_place(
    deployment: Deployment, first_keys: list[BackupKey]
) -> None:
    key = BackupKey(first_keys[0].artifact_id, slot_of_minute(30), Compression.ZSTD)
    damage(deployment, key, byte=1000)
    deployment.wait_for("empty queues", lambda: deployment.stack.queue_depth("CollectQueue") == 0)
    assert deployment.state(BackupKey(key.artifact_id, key.slot.repair(1), key.compression)) is None


def test_the_newest_backup_that_is_damaged_is_captured_again(deployment: Deployment, first_keys: list[BackupKey]) -> None:
    key = BackupKey(first_keys[1].artifact_id, slot_of_minute(1), Compression.ZSTD)
    damage(deployment, key, byte=-3)
    fresh = BackupKey(key.artifact_id, key.slot.repair(1), key.compression)
    deployment.wait_for_state(fresh, State.VERIFIED)
    assert deployment.catalog.stored(fresh).repair == 1


def test_a_message_that_is_no_job_harms_nobody(deployment: Deployment) -> None:
    deployment.stack.client("sqs").send_message(
        QueueUrl=deployment.stack.physical_name("CollectQueue"),
        MessageBody=json.dumps({"server_id": "../../etc", "kind": "database", "artifact": "x", "slot": "20240101_120000"}),
        MessageGroupId="hostile",
        MessageDeduplicationId="hostile",
    )
    deployment.wait_for("a log line that refuses it", lambda: "is not an id" in deployment.stack.function_log("CollectFunction"))
    assert [info.key for info in deployment.store.list("state/") if "etc" in info.key] == []
