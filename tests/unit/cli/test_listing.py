"""What there is can be listed, narrowed down, and looked at one by one."""

from datetime import timedelta

import pytest

from fleetsave.model.keys import RecordName
from tests.unit.cli.conftest import CommandLine
from tests.unit.prune.bucket import DAY, VERIFIED, Bucket, key_of


def keys(fleetsave: CommandLine) -> list[str]:
    return [one["key"] for one in fleetsave.document["backups"]]


def test_backups_are_listed_newest_first_without_the_pruned(fleetsave: CommandLine, bucket: Bucket) -> None:
    new, old = bucket.add_ages(1, 3)
    other = bucket.add(key_of(2 * DAY, "beta"), (RecordName.STORED,))
    gone = bucket.add(key_of(50 * DAY), (*VERIFIED, RecordName.PRUNED), data=False)
    assert fleetsave("list", "--json") == 0
    assert keys(fleetsave) == [new.text, other.text, old.text]
    assert [one["state"] for one in fleetsave.document["backups"]] == ["verified", "stored", "verified"]
    fleetsave("list", "--state", "pruned", "--json")
    assert keys(fleetsave) == [gone.text]
    assert fleetsave("list") == 0
    assert "3 of 3 backups" in fleetsave.out


def test_a_list_can_be_narrowed_down(fleetsave: CommandLine, bucket: Bucket) -> None:
    mine, _ = bucket.add_ages(1, 2)
    world = bucket.add(key_of(DAY, artifact="worlds-nether"))
    bucket.add_ages(1, server_id="beta")
    fleetsave("list", "--server", "alpha", "--artifact", "worlds-nether", "--kind", "database", "--json")
    assert keys(fleetsave) == [world.text]
    fleetsave("list", "--server", "alpha", "--artifact", "database", "--limit", "1", "--json")
    assert keys(fleetsave) == [mine.text]
    assert fleetsave.document["total"] == 2
    fleetsave("list", "--limit", "0", "--json")
    assert len(keys(fleetsave)) == 4
    fleetsave("list", "--kind", "files", "--json")
    assert keys(fleetsave) == []


def test_a_hostile_server_id_is_refused_before_the_store_is_asked(fleetsave: CommandLine) -> None:
    for text in ("../alpha", "alpha/../beta", "ALPHA", ""):
        assert fleetsave("list", "--server", text) == 2
    assert fleetsave.bucket.store.calls["list"] == 0


def test_a_backup_is_shown_with_records_findings_and_commands(fleetsave: CommandLine, bucket: Bucket) -> None:
    key = bucket.add(key_of(DAY), (*VERIFIED, RecordName.PINNED))
    assert fleetsave("show", key.text) == 0
    for text in ("verified, pinned", "/srv/game.db", "integrity_check: ok", f"aws s3 cp s3://bucket/{key.text} ."):
        assert text in fleetsave.out
    assert fleetsave("show", key.text, "--json") == 0
    assert set(fleetsave.document["records"]) == {"stored", "verified"}
    assert fleetsave.document["records"]["verified"]["level"] == 3


def test_every_form_of_a_key_finds_its_backup(fleetsave: CommandLine, bucket: Bucket) -> None:
    key = bucket.add(key_of(DAY)).text
    for text in (key, key.removesuffix(".zst"), f"s3://some-bucket/{key}", f"/{key}", f"catalog/{key}/stored.json"):
        assert fleetsave("show", text, "--json") == 0
        assert fleetsave.document["key"] == key


@pytest.mark.parametrize("text", ["", "hello", "servers/alpha/database/../../x", "config/fleet.yaml", "servers/alpha/database/"])
def test_what_is_no_key_is_wrong_usage(fleetsave: CommandLine, text: str) -> None:
    assert fleetsave("show", text) == 2
    assert fleetsave.bucket.store.calls["list"] == 0


def test_a_key_without_a_backup_is_not_found(fleetsave: CommandLine, bucket: Bucket) -> None:
    bucket.add_ages(1)
    assert fleetsave("show", key_of(timedelta(hours=1)).text) == 5
    assert "fleetsave list --server alpha" in fleetsave.err


def test_an_unreadable_record_is_told_and_is_code_6(fleetsave: CommandLine, bucket: Bucket) -> None:
    key = bucket.add(key_of(DAY))
    bucket.store.put(key.record_key(RecordName.STORED), b"{}")
    assert fleetsave("show", key.text) == 6
    assert key.record_key(RecordName.STORED) in fleetsave.err


def test_backups_made_before_a_recovery_are_listed_and_marked(fleetsave: CommandLine, bucket: Bucket) -> None:
    bucket.add_ages(1)
    safety = bucket.add(key_of(2 * DAY, artifact="safety-database"))
    bucket.add(key_of(3 * DAY, artifact="safety-database"), (*VERIFIED, RecordName.PINNED))
    assert fleetsave("list", "--json") == 0
    assert [one["safety"] for one in fleetsave.document["backups"]] == [False, True, True]
    assert fleetsave("list") == 0
    assert fleetsave.out.count("verified (safety)") == 1
    assert "verified (safety, pinned)" in fleetsave.out
    fleetsave("list", "--artifact", "safety-database", "--json")
    assert safety.text in keys(fleetsave)
