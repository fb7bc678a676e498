"""Verify judges here and now, on real bytes; a person may accept what is suspect, and nothing else."""

import hashlib
import sqlite3
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import zstandard

from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.records import PartRecord
from tests.unit.cli.conftest import CommandLine
from tests.unit.prune.bucket import DAY, VERIFIED, Bucket, key_of, stored, verdict


def add_real(bucket: Bucket, key: BackupKey, folder: Path) -> None:
    """Put a real compressed SQLite database there with the record of its capture."""
    path = folder / "game.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE players (name TEXT)")
    connection.executemany("INSERT INTO players VALUES (?)", [("a",), ("b",), ("c",)])
    connection.commit()
    connection.close()
    plain = path.read_bytes()
    body = zstandard.compress(plain)
    bucket.clock.now = key.slot.at
    info = bucket.store.put(key.text, body)
    sha256 = hashlib.sha256(plain).hexdigest()
    record = stored(key)
    record = replace(
        record,
        plain_sha256=sha256,
        plain_size=len(plain),
        stored_sha256=hashlib.sha256(body).hexdigest(),
        stored_size=len(body),
        etag=info.etag,
        parts=[PartRecord(1, len(body), info.etag, hashlib.sha256(body).hexdigest(), len(plain))],
        capture=replace(record.snapshot, sha256=sha256, size=len(plain), page_count=len(plain) // 4096, fingerprint=None),
    )
    bucket.catalog.append(key, RecordName.STORED, record)
    bucket.clock.now = key_of(0 * DAY).slot.at


def test_a_good_backup_is_verified_on_this_machine(fleetsave: CommandLine, bucket: Bucket, tmp_path: Path) -> None:
    key = key_of(DAY)
    add_real(bucket, key, tmp_path)
    assert fleetsave("verify", key.text, "--scratch", str(tmp_path), "--json") == 0
    assert fleetsave.document["verdict"] == "verified"
    assert bucket.catalog.has(key, RecordName.VERIFIED)
    assert fleetsave("verify", key.text) == 0
    assert "verified" in fleetsave.out


def test_a_flipped_bit_is_rejected_with_code_1(fleetsave: CommandLine, bucket: Bucket, tmp_path: Path) -> None:
    key = key_of(DAY)
    add_real(bucket, key, tmp_path)
    body = bytearray(bucket.store.get(key.text))
    body[len(body) // 2] ^= 1
    bucket.store.replace(key.text, bytes(body))
    assert fleetsave("verify", key.text, "--json") == 1
    assert fleetsave.document["verdict"] == "rejected"


def test_there_is_nothing_to_judge_in_a_pruned_or_unrecorded_backup(fleetsave: CommandLine, bucket: Bucket) -> None:
    pruned = bucket.add(key_of(DAY), (*VERIFIED, RecordName.PRUNED))
    unrecorded = bucket.add(key_of(2 * DAY), (RecordName.PINNED,))
    assert fleetsave("verify", pruned.text) == 5
    assert "pruned" in fleetsave.err
    assert fleetsave("verify", unrecorded.text) == 5
    assert "stored.json" in fleetsave.err


def suspect(bucket: Bucket) -> BackupKey:
    key = bucket.add(key_of(DAY), (RecordName.STORED,))
    record = replace(verdict(key, RecordName.SUSPECT), etag=bucket.store.head(key.text).etag)
    bucket.catalog.append(key, RecordName.SUSPECT, record)
    return key


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 4)])
def test_a_person_may_accept_a_suspect_backup(
    fleetsave: CommandLine, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    key = suspect(bucket)
    monkeypatch.setattr("sys.stdin", StringIO(answer))
    assert fleetsave("verify", key.text, "--accept") == code
    assert "half of the rows are gone" in fleetsave.err
    assert bucket.catalog.has(key, RecordName.VERIFIED) is (code == 0)


def test_acceptance_keeps_the_doubts_on_record(fleetsave: CommandLine, bucket: Bucket) -> None:
    key = suspect(bucket)
    assert fleetsave("verify", key.text, "--accept", "--json") == 4
    assert fleetsave("verify", key.text, "--accept", "--yes", "--json") == 0
    findings = bucket.catalog.verdict(key, RecordName.VERIFIED).findings
    assert [found.detail for found in findings] == ["half of the rows are gone", "accepted by a person"]


def test_only_what_is_suspect_and_unchanged_can_be_accepted(fleetsave: CommandLine, bucket: Bucket) -> None:
    stored_only = bucket.add(key_of(2 * DAY), (RecordName.STORED,))
    rejected = bucket.add(key_of(3 * DAY), (RecordName.STORED, RecordName.SUSPECT, RecordName.REJECTED))
    for key in (stored_only, rejected):
        assert fleetsave("verify", key.text, "--accept", "--yes") == 2
    key = suspect(bucket)
    bucket.store.put(key.text, b"other bytes")
    assert fleetsave("verify", key.text, "--accept", "--yes") == 6
    assert not bucket.catalog.has(key, RecordName.VERIFIED)
