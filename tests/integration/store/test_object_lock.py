"""Prune on real servers that lock: what is let go is hidden and stays, what the store will not let go of yet is tried again."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fleetsave.catalog.catalog import Catalog
from fleetsave.local.emulator import Emulator
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot
from fleetsave.prune.report import Outcome, PruneReport
from fleetsave.prune.room import prune
from fleetsave.store.s3 import S3Store
from tests.fixtures.stores import emulator_client
from tests.unit.prune.bucket import BODY, VERIFIED, fleet, stored, verdict
from tests.unit.prune.runs import line


@dataclass(frozen=True)
class Locked:
    """A bucket with a default retention, two verified backups in it, and the administrator's client."""

    client: Any
    name: str
    old: BackupKey
    new: BackupKey

    @property
    def store(self) -> S3Store:
        return S3Store(self.client, self.name, conditional_writes=True)

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.store)

    def prune(self) -> PruneReport:
        return prune(
            store=self.store,
            catalog=self.catalog,
            fleet=fleet(),
            default_keep_for=timedelta(seconds=1),
            now=datetime.now(UTC),
            execute=True,
        )

    def versions(self) -> list[str]:
        found = self.client.list_object_versions(Bucket=self.name, Prefix=self.old.text)
        return [version["VersionId"] for version in found.get("Versions", [])]

    def deny(self, action: str) -> None:
        statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{self.name}/servers/*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.client.put_bucket_policy(Bucket=self.name, Policy=json.dumps(policy))


def hours_old(hours: int) -> BackupKey:
    slot = Slot.floor(datetime.now(UTC) - timedelta(hours=hours), timedelta(minutes=1))
    return BackupKey(ArtifactId("alpha", Kind.DATABASE, "database"), slot, Compression.ZSTD)


def locked_bucket(client: Any, mode: str) -> Locked:
    name = f"locked-{mode.lower()}-{time.time_ns()}"
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": mode, "Days": 1}}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
    made = Locked(client, name, hours_old(2), hours_old(1))
    for key in (made.old, made.new):
        made.store.put(key.text, BODY)
        for record in VERIFIED:
            made.catalog.append(key, record, stored(key) if record is RecordName.STORED else verdict(key, record))
    written = made.store.head(made.new.record_key(RecordName.VERIFIED)).last_modified
    while made.store.now() - written < timedelta(seconds=3):
        time.sleep(0.2)
    return made


@pytest.fixture(params=["GOVERNANCE", "COMPLIANCE"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def on_seaweedfs(seaweedfs_server: SeaweedFS, mode: str) -> Locked:
    return locked_bucket(seaweedfs_server.client(), mode)


@pytest.fixture(params=["seaweedfs", "ministack"])
def locked(request: pytest.FixtureRequest, mode: str) -> Locked:
    if request.param == "seaweedfs":
        found: Locked = request.getfixturevalue("on_seaweedfs")
        return found
    emulator: Emulator = request.getfixturevalue("emulator_server")
    return locked_bucket(emulator_client(emulator, "test", "test"), mode)


def refused(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return True
    return False


def test_what_prune_lets_go_is_hidden_and_not_one_byte_of_it_can_be_destroyed_while_its_lock_lasts(locked: Locked) -> None:
    (version,) = locked.versions()
    report = locked.prune()
    assert line(report, locked.old).outcome is Outcome.DELETED
    assert line(report, locked.new).outcome is Outcome.KEPT
    with pytest.raises(ObjectNotFoundError):
        locked.store.head(locked.old.text)
    assert locked.versions() == [version]
    assert refused(lambda: locked.client.delete_object(Bucket=locked.name, Key=locked.old.text, VersionId=version))
    body = locked.client.get_object(Bucket=locked.name, Key=locked.old.text, VersionId=version)["Body"].read()
    assert body == BODY


def test_compliance_yields_to_nobody_and_governance_to_whoever_may_bypass_it(locked: Locked, mode: str) -> None:
    (version,) = locked.versions()
    named = {"Bucket": locked.name, "Key": locked.old.text, "VersionId": version}
    assert refused(lambda: locked.client.delete_object(**named, BypassGovernanceRetention=True)) == (mode == "COMPLIANCE")


# The emulator's administrator is above every policy.
def test_an_object_that_the_store_still_holds_is_no_failure_and_goes_with_the_first_run_that_may(on_seaweedfs: Locked) -> None:
    locked = on_seaweedfs
    locked.deny("s3:DeleteObject")
    report = locked.prune()
    assert line(report, locked.old).outcome is Outcome.RETAINED
    assert "retains it for now" in line(report, locked.old).reason
    report.require_complete()
    assert locked.catalog.has(locked.old, RecordName.PRUNED)
    assert locked.store.get(locked.old.text) == BODY
    locked.client.delete_bucket_policy(Bucket=locked.name)
    assert line(locked.prune(), locked.old).outcome is Outcome.DELETED
