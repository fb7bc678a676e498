"""What is answered: the API's resources, and how each is made from what the records say."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from fleetsave.catalog.recoveries import Listed
from fleetsave.catalog.safety import ArtifactSafety, FleetSafety
from fleetsave.model.history import Backup, State
from fleetsave.model.kinds import Kind
from fleetsave.model.records import Finding
from fleetsave.model.recoveries import FINAL, STEPS, Recovery, Status
from fleetsave.model.recovery_records import (
    Problem,
    Progress,
    RecoveryPlan,
    RecoveryRecord,
    RecoveryState,
    Safety,
    Survey,
    SwapReport,
)


class _Resource(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetShown(_Resource):
    """Where a recovery restores to; `path` is null until the backup has been selected, unless it was given."""

    server_id: str
    path: str | None


class ProgressShown(_Resource):
    """How far it is: the `step` reached of `steps`, and of the step under way the bytes `done` of `total`, where known."""

    step: int = Field(ge=0)
    steps: int = Field(ge=1)
    done: int | None = Field(ge=0)
    total: int | None = Field(ge=0)


class Proof(_Resource):
    """What was found on the server after the swap, and how the swap went."""

    findings: list[Finding]
    swap: SwapReport | None


class StepShown(_Resource):
    """One record: a state, when it was reached, and what there is to say."""

    state: RecoveryState
    at: datetime
    detail: str


class RecoveryResource(_Resource):
    """One recovery: what was asked, where it stands, and all that is known of it.

    `status` is one word for who waits; `state` is the newest record's, or the final one's. `backup_key` is null until the
    backup has been selected, unless it was given.
    """

    id: str
    status: Status
    state: RecoveryState
    server_id: str
    backup_type: Kind
    backup_key: str | None
    target: TargetShown
    requested_by: str
    requested_at: datetime
    updated_at: datetime
    undo_of: str | None
    progress: ProgressShown
    safety_backup: Safety | None
    can_cancel: bool
    can_undo: bool
    is_finished: bool
    problem: Problem | None
    plan: RecoveryPlan | None
    survey: Survey | None
    proof: Proof | None
    steps: list[StepShown]


class RecoverySummary(_Resource):
    """One recovery as a list shows it; GET /backup/recover/{id} tells all of it."""

    id: str
    state: RecoveryState
    is_finished: bool
    server_id: str
    backup_type: Kind
    backup_key: str | None
    target: TargetShown
    requested_by: str
    requested_at: datetime
    undo_of: str | None


class RecoveryList(_Resource):
    """A page of a server's recoveries, the newest first; `next_cursor` is null on the last page."""

    recoveries: list[RecoverySummary]
    next_cursor: str | None


class DryRun(_Resource):
    """What a recovery would do; nothing was written or queued."""

    dry_run: Literal[True]
    plan: RecoveryPlan


class BackupShown(_Resource):
    """One backup; `at` is its slot. `safety` marks one that was made before a recovery, `pinned` one kept for ever."""

    backup_key: str
    server_id: str
    backup_type: Kind
    artifact: str
    at: datetime
    state: State
    verified: bool
    safety: bool
    pinned: bool
    updated_at: datetime


class BackupList(_Resource):
    """A page of backups, the newest first; `next_cursor` is null on the last page."""

    backups: list[BackupShown]
    next_cursor: str | None


class StatusShown(_Resource):
    """Whether every artifact of the fleet has a verified backup that is not too old; ages in seconds."""

    checked_at: datetime
    maximum_age_seconds: float
    is_safe: bool
    artifacts: list[ArtifactSafety]
    not_in_fleet: list[str]


def recovery_resource(recovery: Recovery, progress: Progress | None, now: datetime) -> RecoveryResource:
    """Show a recovery; `progress` is what was last told on its server."""
    request, plan = recovery.request, recovery.plan
    own = progress if progress is not None and progress.recovery_id == str(recovery.id) else None
    return RecoveryResource(
        id=str(recovery.id),
        status=recovery.status(now, own),
        state=_state([record.state for record in recovery.records]),
        server_id=request.server_id,
        backup_type=request.kind,
        backup_key=plan.backup_key if plan else request.backup_key,
        target=TargetShown(server_id=request.target_server_id, path=plan.target_path if plan else request.target_path),
        requested_by=request.requested_by,
        requested_at=recovery.records[0].at,
        updated_at=max([record.at for record in recovery.records] + ([own.at] if own else [])),
        undo_of=request.undo_of,
        progress=_progress(recovery, own),
        safety_backup=recovery.safety,
        can_cancel=recovery.can_cancel,
        can_undo=recovery.can_undo,
        is_finished=recovery.is_finished,
        problem=next((record.problem for record in reversed(recovery.records) if record.problem), None),
        plan=plan,
        survey=recovery.survey,
        proof=_proof(recovery.records),
        steps=[StepShown(state=record.state, at=record.at, detail=record.detail) for record in recovery.records],
    )


def recovery_summary(listed: Listed, first: RecoveryRecord) -> RecoverySummary:
    """Show a recovery by its listing and its first record. Raise ValueError if that holds no request."""
    request = Recovery(listed.id, (first,)).request
    return RecoverySummary(
        id=str(listed.id),
        state=_state([state for _, state in listed.states]),
        is_finished=listed.is_finished,
        server_id=request.server_id,
        backup_type=request.kind,
        backup_key=request.backup_key,
        target=TargetShown(server_id=request.target_server_id, path=request.target_path),
        requested_by=request.requested_by,
        requested_at=first.at,
        undo_of=request.undo_of,
    )


def backup_shown(backup: Backup) -> BackupShown:
    """Show a backup as its listing tells it."""
    artifact_id = backup.key.artifact_id
    return BackupShown(
        backup_key=backup.key.text,
        server_id=artifact_id.server_id,
        backup_type=artifact_id.kind,
        artifact=artifact_id.artifact,
        at=backup.key.slot.at,
        state=backup.state,
        verified=backup.state is State.VERIFIED,
        safety=artifact_id.is_safety,
        pinned=backup.is_pinned,
        updated_at=max(backup.recorded_at.values()),
    )


def status_shown(safety: FleetSafety) -> StatusShown:
    """Show how safe the fleet is."""
    return StatusShown(
        checked_at=safety.checked_at,
        maximum_age_seconds=safety.maximum_age.total_seconds(),
        is_safe=safety.is_safe,
        artifacts=safety.artifacts,
        not_in_fleet=safety.not_in_fleet,
    )


def _state(states: Sequence[RecoveryState]) -> RecoveryState:
    return next((state for state in states if state in FINAL), states[-1])


def _progress(recovery: Recovery, own: Progress | None) -> ProgressShown:
    under_way = own if own is not None and not recovery.is_finished else None
    return ProgressShown(
        step=STEPS.index(recovery.reached),
        steps=len(STEPS) - 1,
        done=under_way.done if under_way else None,
        total=under_way.total if under_way else None,
    )


def _proof(records: Sequence[RecoveryRecord]) -> Proof | None:
    """Return what was found after the swap; findings of the copy before it prove nothing about what lives there now."""
    swapped = next((position for position, record in enumerate(records) if record.swap), None)
    if swapped is None:
        return None
    after = records[swapped:]
    return Proof(
        findings=next((record.findings for record in reversed(after) if record.findings), []),
        swap=next(record.swap for record in reversed(after) if record.swap),
    )
