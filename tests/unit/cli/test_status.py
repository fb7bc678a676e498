"""Status tells from the bucket alone whether every artifact has a fresh verified backup."""

import json
from datetime import timedelta

from fleetsave.model.keys import RecordName
from tests.unit.cli.conftest import CommandLine
from tests.unit.prune.bucket import NOW, VERIFIED, Bucket, key_of

FRESH = timedelta(minutes=30)
HOUR = timedelta(hours=1)


def make_safe(bucket: Bucket) -> None:
    bucket.add(key_of(FRESH))
    bucket.add(key_of(FRESH, artifact="worlds-nether"))
    bucket.add(key_of(FRESH, server_id="beta"))


def by_name(fleetsave: CommandLine) -> dict[str, dict[str, object]]:
    return {one["artifact"]: one for one in fleetsave.document["artifacts"]}


def test_a_fleet_with_fresh_verified_backups_is_safe(fleetsave: CommandLine, bucket: Bucket) -> None:
    make_safe(bucket)
    assert fleetsave("status", "--json") == 0
    assert fleetsave.document["is_safe"] is True
    assert set(by_name(fleetsave)) == {"alpha/database/database", "alpha/database/worlds-nether", "beta/database/database"}
    assert by_name(fleetsave)["alpha/database/database"]["newest_verified_age_seconds"] == 1800
    assert fleetsave("status") == 0
    assert "3 of 3 artifacts are safe" in fleetsave.out


def test_an_artifact_without_a_backup_is_not_safe(fleetsave: CommandLine, bucket: Bucket) -> None:
    bucket.add(key_of(FRESH))
    assert fleetsave("status", "--json") == 1
    found = by_name(fleetsave)
    assert found["alpha/database/worlds-*"]["problem"] == "there is no backup of it"
    assert found["beta/database/database"]["is_safe"] is False
    assert found["alpha/database/database"]["is_safe"] is True


def test_a_stale_verified_backup_is_not_safe_whatever_is_newer(fleetsave: CommandLine, bucket: Bucket) -> None:
    make_safe(bucket)
    bucket.add(key_of(5 * HOUR, artifact="worlds-end"))
    newest = bucket.add(key_of(FRESH, artifact="worlds-end"), (RecordName.STORED, RecordName.REJECTED))
    assert fleetsave("status", "--json") == 1
    row = by_name(fleetsave)["alpha/database/worlds-end"]
    assert row["problem"] == "its newest verified backup is 5 h old"
    assert (row["newest_key"], row["newest_state"]) == (newest.text, "rejected")
    assert fleetsave("status", "--max-age", "6h") == 0


def test_a_pruned_backup_makes_nothing_safe(fleetsave: CommandLine, bucket: Bucket) -> None:
    make_safe(bucket)
    bucket.add(key_of(FRESH, artifact="worlds-end"), (*VERIFIED, RecordName.PRUNED))
    assert fleetsave("status", "--json") == 1
    assert by_name(fleetsave)["alpha/database/worlds-end"]["problem"] == "there is no backup of it"


def test_a_slot_in_the_future_is_not_safe(fleetsave: CommandLine, bucket: Bucket) -> None:
    make_safe(bucket)
    bucket.add(key_of(-HOUR, artifact="worlds-end"))
    assert fleetsave("status") == 1
    assert "future" in fleetsave.out


def test_the_last_failure_is_told_with_its_hint(fleetsave: CommandLine, bucket: Bucket) -> None:
    failure = {"error": "HostKeyError", "cause": "the host key changed", "hint": "Pin the new one.", "at": NOW.isoformat()}
    bucket.store.put("state/beta/database/database.json", json.dumps({"failure": failure}).encode())
    bucket.store.put("state/alpha/database/worlds.json", json.dumps({"failure": failure}).encode())
    bucket.add(key_of(FRESH, artifact="worlds-nether"))
    assert fleetsave("status") == 1
    assert "Pin the new one." in fleetsave.out
    fleetsave("status", "--json")
    assert by_name(fleetsave)["beta/database/database"]["last_failure"] == failure
    assert by_name(fleetsave)["alpha/database/worlds-nether"]["last_failure"] == failure


def test_unreadable_state_is_state_that_was_lost(fleetsave: CommandLine, bucket: Bucket) -> None:
    make_safe(bucket)
    for body in (b"not json", b"[]", b'{"failure": null}', b'{"failure": "text"}', b"{}"):
        bucket.store.put("state/beta/database/database.json", body)
        assert fleetsave("status", "--json") == 0


def test_backups_that_the_fleet_file_does_not_name_are_told_apart(fleetsave: CommandLine, bucket: Bucket) -> None:
    make_safe(bucket)
    bucket.add(key_of(100 * HOUR, server_id="retired"))
    assert fleetsave("status", "--json") == 0
    assert fleetsave.document["not_in_fleet"] == ["retired/database/database"]
    fleetsave("status")
    assert "retired/database/database" in fleetsave.out


def test_a_maximum_age_that_is_no_duration_is_wrong_usage(fleetsave: CommandLine) -> None:
    assert fleetsave("status", "--max-age", "two hours") == 2


def test_backups_made_before_a_recovery_make_nothing_safe_and_are_not_told_apart(fleetsave: CommandLine, bucket: Bucket) -> None:
    make_safe(bucket)
    bucket.add(key_of(100 * HOUR, artifact="safety-database"))
    bucket.add(key_of(100 * HOUR, artifact="safety-worlds-end"))
    bucket.add(key_of(100 * HOUR, server_id="retired", artifact="safety-database"))
    assert fleetsave("status", "--json") == 0
    assert fleetsave.document["not_in_fleet"] == []
    assert set(by_name(fleetsave)) == {"alpha/database/database", "alpha/database/worlds-nether", "beta/database/database"}


def test_a_safety_backup_does_not_stand_in_for_a_missing_one(fleetsave: CommandLine, bucket: Bucket) -> None:
    make_safe(bucket)
    bucket.add(key_of(5 * HOUR, artifact="worlds-end"))
    bucket.add(key_of(FRESH, artifact="safety-worlds-end"))
    assert fleetsave("status", "--json") == 1
    assert by_name(fleetsave)["alpha/database/worlds-end"]["problem"] == "its newest verified backup is 5 h old"
