"""Recoveries as the API shows them, made by the API's own code from records."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from fleetsave.api.resources import recovery_resource
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.records import Finding, Outcome
from fleetsave.model.recoveries import STEPS, Recovery
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import (
    Problem,
    Progress,
    RecoveryPlan,
    RecoveryRecord,
    RecoveryRequest,
    RecoveryState,
    Safety,
    SwapMethod,
    SwapReport,
)

ID = "server_001.000001"
KEY = "servers/server_001/database/server_001_20240101_120000_database.db.zst"
SAFETY_KEY = "servers/server_001/database/server_001_20240101_130000_safety-database.db.zst"
PATH = "/srv/game/world.db"
BEGAN = datetime(2024, 1, 1, 13, tzinfo=UTC)

PLAN = RecoveryPlan(
    backup_key=KEY,
    backup_slot="20240101_120000",
    verdict="verified",
    kind=Kind.DATABASE,
    compression=Compression.ZSTD,
    plain_sha256="0" * 64,
    plain_size=1 << 20,
    stored_size=1 << 18,
    fingerprint=None,
    target_server_id="server_001",
    target_path=PATH,
    artifact="database",
    safety_artifact="safety-database",
    before=None,
    after=None,
    steps=["look at it", "restore it"],
    warnings=["no stop command is configured"],
)
REQUEST = RecoveryRequest("server_001", Kind.DATABASE, "server_001", "arn:aws:iam::1:user/anna", "0" * 64)
WELL = STEPS
FAILED = (RecoveryState.REQUESTED, RecoveryState.SELECTED, RecoveryState.FAILED)

_TOLD: dict[RecoveryState, dict[str, Any]] = {
    RecoveryState.REQUESTED: {"request": REQUEST},
    RecoveryState.SELECTED: {"plan": PLAN},
    RecoveryState.SECURED: {"safety": Safety(SAFETY_KEY, "verified", "backed up")},
    RecoveryState.SWAPPED: {"swap": SwapReport(SwapMethod.IN_PLACE, 0.25, None, moved_on=False, kept=None)},
    RecoveryState.RECOVERED: {"findings": [Finding("integrity", Outcome.PASSED, "integrity_check says ok")]},
    RecoveryState.FAILED: {
        "problem": Problem("RestoreError", "restore", PATH, "the disk is full", "Make room.", retryable=False, reason="no_room")
    },
}


def dry_run() -> dict[str, Any]:
    """Return what a dry run is answered with."""
    return {"dry_run": True, "plan": TypeAdapter(RecoveryPlan).dump_python(PLAN, mode="json")}


def shown(*states: RecoveryState, later: timedelta = timedelta(0), done: int | None = None, **changes: Any) -> dict[str, Any]:
    """Return the resource of a recovery that has reached `states`; `later` is how long after the last it is asked for.

    `done` is how many bytes the step under way has done; `changes` go into the record of the last state.
    """
    records = [_record(state, number) for number, state in enumerate(states)]
    records[-1] = replace(records[-1], **changes)
    now = records[-1].at + later
    progress = None if done is None else Progress(ID, now, done, PLAN.plain_size)
    return recovery_resource(Recovery(RecoveryId.parse(ID), records), progress, now).model_dump(mode="json")


def _record(state: RecoveryState, number: int) -> RecoveryRecord:
    at = BEGAN + timedelta(seconds=number)
    return RecoveryRecord(ID, state, at, f"detail of {state}", "0.1.0", **_TOLD.get(state, {}))
