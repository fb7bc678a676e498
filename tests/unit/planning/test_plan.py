"""A plan says all that a recovery will do, from the catalog and the fleet file alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetsave.model.errors import InvalidInputError, RecoveryRefusedError
from fleetsave.model.history import State
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.kinds import Kind
from fleetsave.model.records import Fingerprint, StoredRecord
from fleetsave.model.recovery_records import RecoveryRequest
from fleetsave.planning.plan import make_plan
from tests.unit.planning.requests import ask, fleet_of
from tests.unit.prune.bucket import DAY, NOW, VERIFIED, Bucket, fleet, key_of, stored

HOOKS = {"before": "systemctl stop game", "after": "systemctl start game"}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def put(bucket: Bucket, key: BackupKey, record: StoredRecord) -> None:
    bucket.store.delete(key.record_key(RecordName.STORED))
    bucket.catalog.append(key, RecordName.STORED, record)


def test_the_plan_says_what_goes_where(bucket: Bucket) -> None:
    (key,) = bucket.add_ages(1)
    plan = make_plan(ask(), fleet_of({"path": "/srv/game.db"}, recovery=HOOKS), bucket.catalog)
    record = stored(key)
    assert (plan.backup_key, plan.backup_slot, plan.verdict) == (key.text, key.slot.text, State.VERIFIED)
    assert (plan.plain_sha256, plan.plain_size, plan.stored_size) == (record.plain_sha256, 8192, record.stored_size)
    assert (plan.target_server_id, plan.target_path, plan.artifact) == ("alpha", "/srv/game.db", "database")
    assert (plan.safety_artifact, plan.before, plan.after) == ("safety-database", HOOKS["before"], HOOKS["after"])
    assert (plan.kind, plan.compression, plan.fingerprint) == (Kind.DATABASE, key.compression, record.capture.fingerprint)
    assert plan.warnings == []
    told = " | ".join(plan.steps)
    for text in ("/srv/game.db on alpha", "safety-database", "8192 bytes", "stop: systemctl stop", "start: systemctl start"):
        assert text in told


def test_a_new_file_needs_no_safety_backup_and_stops_nothing(bucket: Bucket) -> None:
    bucket.add_ages(1)
    plan = make_plan(ask(target_path="/srv/new.db"), fleet_of({"path": "/srv/game.db"}, recovery=HOOKS), bucket.catalog)
    assert (plan.artifact, plan.safety_artifact, plan.before, plan.after, plan.warnings) == (None, None, None, None, [])
    assert plan.steps[-1] == "rename the copy into place, never over anything"
    assert not any("systemctl" in step for step in plan.steps)


def test_what_a_person_should_know_is_said(bucket: Bucket) -> None:
    newer, older = bucket.add_ages(1, 2)
    record = stored(older)
    put(bucket, older, replace(record, capture=replace(record.snapshot, fingerprint=Fingerprint({"players": 3}, "2" * 64))))
    warnings = make_plan(ask(artifact=None, backup_key=older.text), fleet(), bucket.catalog).warnings
    assert any("no stop command" in warning for warning in warnings)
    assert any(f"newer verified backup: {newer}" in warning for warning in warnings)
    assert any("schema is not that of the newest" in warning for warning in warnings)


def test_an_unproven_backup_is_said_to_be_one(bucket: Bucket) -> None:
    bucket.add_ages(2)
    key = bucket.add(key_of(DAY), (RecordName.STORED,))
    record = stored(key)
    put(bucket, key, replace(record, capture=replace(record.snapshot, fingerprint=None)))
    plan = make_plan(ask(allow_unverified=True), fleet(), bucket.catalog)
    assert (plan.backup_key, plan.verdict) == (key.text, State.STORED)
    assert any("not verified" in warning for warning in plan.warnings)
    assert any("no fingerprint" in warning for warning in plan.warnings)


def test_nothing_but_the_catalog_is_read(bucket: Bucket) -> None:
    bucket.add_ages(1, 2)
    before = dict(bucket.store.calls)
    make_plan(ask(), fleet(), bucket.catalog)
    used = {name for name, calls in bucket.store.calls.items() if calls != before.get(name, 0)}
    assert used <= {"list", "get", "head"}


# --- for every request ------------------------------------------------------------------------------------------------------

_RECORDS = [
    VERIFIED, VERIFIED, (RecordName.STORED,), (RecordName.STORED, RecordName.SUSPECT), (RecordName.STORED, RecordName.REJECTED),
    (*VERIFIED, RecordName.PRUNED), (*VERIFIED, RecordName.REJECTED), (*VERIFIED, RecordName.PINNED),
]  # fmt: skip
_servers = st.sampled_from(["alpha", "beta", "gamma"])
_names = st.sampled_from(["database", "worlds-nether", "safety-database", "worlds", "other"])
_days = st.integers(0, 6)
_keys = st.builds(lambda days, server_id, name: key_of(days * DAY, server_id, name), _days, _servers, _names)
_backups = st.lists(st.tuples(_keys, st.sampled_from(_RECORDS)), max_size=8, unique_by=lambda made: made[0])
_requests = st.builds(
    RecoveryRequest,
    server_id=_servers,
    kind=st.sampled_from([Kind.DATABASE] * 6 + [Kind.FILES]),
    target_server_id=_servers,
    requested_by=st.just("somebody"),
    digest=st.just("1" * 64),
    artifact=st.none() | _names,
    backup_key=st.none() | _keys.map(lambda key: key.text) | _keys.map(lambda key: key.text.removesuffix(".zst")),
    at=st.none() | _days.map(lambda days: NOW - days * DAY - timedelta(hours=1)),
    target_path=st.none() | st.sampled_from(["/srv/game.db", "/srv/worlds/a.db", "/srv/new.db", "/etc/passwd", "/srv/../x"]),
    allow_other_server=st.booleans(),
    allow_unverified=st.booleans(),
)


@given(_backups, _requests)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_asked_the_plan_is_of_a_fit_backup_of_that_server_into_an_allowed_place(
    backups: list[tuple[BackupKey, Any]], request: RecoveryRequest
) -> None:
    bucket = Bucket()
    for key, records in backups:
        bucket.add(key, records)
    try:
        plan = make_plan(request, fleet(), bucket.catalog)
    except (RecoveryRefusedError, InvalidInputError):
        return
    key = BackupKey.parse(plan.backup_key)
    (state,) = (one.state for one in bucket.catalog.backups() if one.key == key)
    assert (key.artifact_id.server_id, key.artifact_id.kind) == (request.server_id, request.kind)
    assert state is not State.PRUNED
    assert state is State.VERIFIED or request.allow_unverified
    assert state is not State.REJECTED or request.backup_key is not None
    assert plan.verdict == state
    assert request.backup_key is None or key.text.removesuffix(".zst") == request.backup_key.removesuffix(".zst")
    assert request.backup_key or request.at is None or key.slot.at <= request.at
    assert not key.artifact_id.is_safety or request.backup_key or request.artifact == "safety-database"
    assert plan.target_server_id == request.target_server_id
    assert request.allow_other_server or plan.target_server_id == request.server_id
    assert plan.target_path in ("/srv/game.db", "/srv/worlds/a.db", "/srv/new.db")
    assert (plan.safety_artifact is None) == (plan.target_path == "/srv/new.db" or plan.artifact is None)
