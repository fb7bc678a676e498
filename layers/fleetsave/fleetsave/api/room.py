"""What is done with a recovery over the API: begin it, look at it, cancel it, take it back."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import fleetsave
from fleetsave.api.ports import ApiPorts
from fleetsave.api.requests import RecoveryBody, TargetBody
from fleetsave.api.resources import RecoveryResource, recovery_resource
from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.catalog.recoveries import Begun
from fleetsave.model.errors import (
    CatalogError,
    ObjectExistsError,
    ObjectNotFoundError,
    QueueError,
    RecoveryRefusedError,
    RestoreError,
)
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import Reason, Recovery
from fleetsave.model.recovery_jobs import Cause, RecoveryJob
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import Problem, RecoveryPlan, RecoveryRecord, RecoveryRequest, RecoveryState
from fleetsave.planning.plan import make_plan

LIVE = "the database itself"
"""What the rows of a comparison are compared with where it could be asked."""


@dataclass(frozen=True)
class Asked:
    """Who asks, and with which Idempotency-Key, if any."""

    caller: str
    idempotency_key: str | None = None

    @property
    def idempotency(self) -> str | None:
        """Return the SHA-256 hex of caller and key: two callers may use the same key."""
        if self.idempotency_key is None:
            return None
        return hashlib.sha256(f"{self.caller}\n{self.idempotency_key}".encode()).hexdigest()


def plan_recovery(body: RecoveryBody, asked: Asked, ports: ApiPorts) -> RecoveryPlan:
    """Say what a recovery would do; nothing is written or queued. Raise what `begin_recovery` raises before it writes.

    A PostgreSQL database is looked at where it lives: its rows now stand beside those of the backup. What stands in the way of
    that, or of the recovery, is a warning of the plan.
    """
    request = _request(body, asked)
    plan = make_plan(request, read_fleet(ports.store), ports.catalog)
    if request.kind is not Kind.POSTGRESQL or ports.surveyor is None:
        return plan
    try:
        survey = ports.surveyor.survey(request)
    except RestoreError as error:
        return replace(plan, warnings=[f"asked now, the server says: {error.cause}. {error.hint}", *plan.warnings])
    comparison = survey.comparison or plan.comparison
    compared_with = LIVE if survey.comparison else plan.compared_with
    return replace(plan, comparison=comparison, compared_with=compared_with, warnings=[*plan.warnings, *survey.notes])


def begin_recovery(body: RecoveryBody, asked: Asked, ports: ApiPorts) -> Begun:
    """Begin a recovery and queue its work, or return the one that the same request with the same key has begun.

    A request that is refused leaves nothing behind. Raise RecoveryRefusedError with its reason, InvalidInputError,
    ConfigurationError for the fleet file, CatalogError, StoreError or QueueError.
    """
    return _begin(_request(body, asked), ports)


def undo_recovery(recovery_id: RecoveryId, asked: Asked, ports: ApiPorts) -> Begun:
    """Begin a recovery of what was there before another one. Raise as `begin_recovery` does, with reason nothing_to_undo."""
    original = find_recovery(recovery_id, ports)
    safety_key = original.safety.backup_key if original.safety else None
    if not original.can_undo or safety_key is None:
        raise _nothing_to_undo(original)
    if original.plan is None:
        raise CatalogError("undo recovery", str(recovery_id), "no record of it holds its plan", "Look at its records.")
    server_id = original.request.target_server_id
    request = RecoveryRequest(
        server_id=server_id,
        kind=original.plan.kind,  # a full backup brings back databases and folders, and those are what was kept
        target_server_id=server_id,
        requested_by=asked.caller,
        digest=_digest({"undo_of": str(recovery_id)}),
        backup_key=safety_key,
        target_path=original.plan.target_path,
        allow_unverified=True,
        allow_schema_change=True,
        undo_of=str(recovery_id),
        idempotency=asked.idempotency,
        paths=original.request.paths,
        undoes_backup=original.plan.backup_key,
    )
    return _begin(request, ports)


def cancel_recovery(recovery_id: RecoveryId, caller: str, ports: ApiPorts) -> Recovery:
    """Ask a recovery to stop, once, and tell its worker, each time. Raise RecoveryRefusedError once the swap has begun."""
    recovery = find_recovery(recovery_id, ports)
    if recovery.is_finished:
        raise RecoveryRefusedError(
            "cancel recovery",
            str(recovery_id),
            "it is finished already",
            f"To take it back: POST /backup/recover/{recovery_id}/undo.",
            reason=Reason.ALREADY_FINISHED,
        )
    if not recovery.can_cancel:
        raise RecoveryRefusedError(
            "cancel recovery",
            str(recovery_id),
            "the restored copy is taking its place already",
            f"Wait for its end, then take it back: POST /backup/recover/{recovery_id}/undo.",
            reason=Reason.TOO_LATE,
        )
    if not recovery.is_cancel_requested:
        recovery = _request_cancel(recovery, caller, ports)
    ports.queue.send(RecoveryJob(recovery_id, Cause.CANCELLED))
    return recovery


def find_recovery(recovery_id: RecoveryId, ports: ApiPorts) -> Recovery:
    """Read all records of a recovery. Raise RecoveryRefusedError with reason unknown_recovery if there are none."""
    try:
        return ports.recoveries.load(recovery_id)
    except ObjectNotFoundError as error:
        raise RecoveryRefusedError(
            error.operation, str(recovery_id), "there is no recovery of that id",
            f"See GET /backup/recover?server_id={recovery_id.server_id}.", reason=Reason.UNKNOWN_RECOVERY,
        ) from None  # fmt: skip


def show_recovery(recovery: Recovery, ports: ApiPorts) -> RecoveryResource:
    """Show a recovery; while it is not finished, with how far its step under way is."""
    progress = None if recovery.is_finished else ports.recoveries.progress(recovery.id.server_id)
    return recovery_resource(recovery, progress, ports.now())


def _request(body: RecoveryBody, asked: Asked) -> RecoveryRequest:
    target = body.target or TargetBody()
    return RecoveryRequest(
        server_id=body.server_id,
        kind=body.backup_type,
        target_server_id=target.server_id or body.server_id,
        requested_by=asked.caller,
        digest=_digest(body.model_dump(mode="json")),
        artifact=body.artifact,
        backup_key=body.backup_key,
        at=body.at,
        target_path=target.path,
        allow_other_server=target.allow_other_server,
        allow_unverified=body.allow_unverified,
        allow_schema_change=body.allow_schema_change,
        idempotency=asked.idempotency,
        part=body.part,
        paths=list(body.paths),
    )


def _digest(content: dict[str, Any]) -> str:
    """Return the SHA-256 hex of canonical JSON: one request written in two ways is one request."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _begin(request: RecoveryRequest, ports: ApiPorts) -> Begun:
    replayed = ports.recoveries.replayed(request)  # before the plan: by now the backup may be pruned
    if replayed is not None:
        begun = Begun(replayed, is_replay=True)
    else:
        make_plan(request, read_fleet(ports.store), ports.catalog)
        begun = ports.recoveries.begin(request, ports.now())
    if begun.recovery.is_finished:
        return begun
    try:
        ports.queue.send(RecoveryJob(begun.recovery.id))
    except QueueError as error:
        if request.idempotency is None:
            _give_up(begun.recovery, error, ports)
        raise
    return begun


def _give_up(recovery: Recovery, error: QueueError, ports: ApiPorts) -> None:
    """End a recovery that no worker will hear of: nobody could ask for the same one again, and it would block its server."""
    problem = Problem(
        type(error).__name__, error.operation, error.target, error.cause, error.hint, error.retryable
    )  # fmt: skip
    _append(recovery, RecoveryState.FAILED, "its work could not be queued; nothing was touched", ports, problem)


def _request_cancel(recovery: Recovery, caller: str, ports: ApiPorts) -> Recovery:
    try:
        return _append(recovery, RecoveryState.CANCEL_REQUESTED, f"asked for by {caller}", ports)
    except ObjectExistsError:
        again = find_recovery(recovery.id, ports)
        if again.is_cancel_requested:  # somebody else asked at the same time
            return again
        raise


def _append(recovery: Recovery, state: RecoveryState, detail: str, ports: ApiPorts, problem: Problem | None = None) -> Recovery:
    record = RecoveryRecord(str(recovery.id), state, ports.now(), detail, fleetsave.__version__, problem=problem)
    return ports.recoveries.append(recovery, record)


def _nothing_to_undo(recovery: Recovery) -> RecoveryRefusedError:
    cause, hint = "it has not restored anything", "There is nothing to take back."
    if not recovery.is_finished:
        cause, hint = "it is not finished", f"Stop it instead: POST /backup/recover/{recovery.id}/cancel."
    elif recovery.has(RecoveryState.RECOVERED):
        safety, kept = recovery.safety, recovery.swap.kept if recovery.swap else None
        cause = f"there is no backup of what was there before: {safety.detail if safety else 'none was made'}"
        hint = (
            f"What was there is kept on {recovery.request.target_server_id} at {kept}: see docs/runbook-recovery.md."
            if kept
            else "Choose an earlier backup: POST /backup/recover with `at`."
        )
    return RecoveryRefusedError("undo recovery", str(recovery.id), cause, hint, reason=Reason.NOTHING_TO_UNDO)
