"""The backup of what is there, before anything of it is replaced: taken by collect, proven by verify, like any other."""

from datetime import timedelta

from fleetsave.catalog.states import last_failure
from fleetsave.model.errors import RestoreError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.records import Level, Outcome
from fleetsave.model.recovery_records import RecoveryState, Safety, TargetState
from fleetsave.model.slots import Slot
from fleetsave.recover.run import Run

_LOOK_EVERY = 2.0
"""Seconds between two looks at whether the backup has been judged."""

_PATIENCE = timedelta(hours=2)
"""How long a safety backup may take from the request on, all waiting included."""

_VERDICTS = (RecordName.VERIFIED, RecordName.SUSPECT, RecordName.INCONCLUSIVE, RecordName.REJECTED)
_DAMAGED = "damaged"
"""The reason under which collect remembers that the live database could not be read for what it is."""


def secure(run: Run) -> None:
    """Have what is there backed up, and wait until that is judged; where no backup can be made, say why.

    Raise RestoreError if it cannot be had: then nothing is restored.
    """
    plan, survey = run.plan, run.recovery.survey
    if plan.artifact is None or survey is None or survey.target_state is TargetState.MISSING:
        _say(run, Safety(None, None, "there is nothing to back up: nothing stands at the target"))
    elif survey.target_state is not TargetState.HEALTHY:
        _say(
            run, Safety(None, None, f"the target is {survey.target_state}: no backup can be made of it; it is set aside and kept")
        )
    else:
        _say(run, _backed_up(run, _key(run, plan.artifact)))


def is_damaged(run: Run) -> bool:
    """Tell whether the safety backup has shown that the live database is damaged, though it could be opened."""
    safety = run.recovery.safety
    if safety is None or safety.backup_key is None:
        return safety is not None and safety.verdict == _DAMAGED
    if safety.verdict != RecordName.REJECTED:
        return False
    findings = run.ports.catalog.verdict(BackupKey.parse(safety.backup_key), RecordName.REJECTED).findings
    return any(one.check == "integrity" and one.outcome is Outcome.FAILED for one in findings)


def _say(run: Run, safety: Safety) -> None:
    run.say(RecoveryState.SECURED, safety.detail, safety=safety)


def _key(run: Run, artifact: str) -> BackupKey:
    """Return the key of this recovery's safety backup; it follows from the request, so that every run means the same one."""
    artifact_id = ArtifactId(run.id.server_id, run.plan.kind, artifact)
    slot = Slot(run.recovery.records[0].at.replace(microsecond=0))
    key = run.ports.fleet.backup_key(artifact_id.safety, slot)
    if key is None:
        raise _refused(run, "the fleet file no longer names it", "Put it back, and ask again.", "not_in_fleet")
    return key


def _backed_up(run: Run, key: BackupKey) -> Safety:
    run.ports.collect_queue.send([Job(key.artifact_id, key.slot, run.plan.target_path)])
    while True:
        safety = _judged(run, key)
        if safety is not None:
            return safety
        run.look_up()
        run.tell_now_and_then(0, 0)
        if run.ports.now() - run.recovery.records[0].at > _PATIENCE:
            raise _refused(
                run, f"{key} has not been judged within {_PATIENCE}", "Look at collect and verify.", "safety_overdue"
            )  # fmt: skip
        run.ports.pause(_LOOK_EVERY)


def _judged(run: Run, key: BackupKey) -> Safety | None:
    """Return what became of the backup, None while that is open. Raise RestoreError if it cannot serve."""
    catalog = run.ports.catalog
    name = next((name for name in _VERDICTS if catalog.has(key, name)), None)
    if name is None:
        return _failure(run, key)
    if name is not RecordName.REJECTED:
        return Safety(key.text, name, f"backed up as {key}, {name}")
    verdict = catalog.verdict(key, name)
    if verdict.level < Level.COMPLETE:
        failed = "; ".join(f"{one.check}: {one.detail}" for one in verdict.findings if one.outcome is Outcome.FAILED)
        raise _refused(
            run, f"the backup of what is there was rejected: {failed}"[:1000], "Ask again: it is taken anew.", "safety_rejected"
        )
    return Safety(key.text, name, f"backed up as {key}, byte for byte as it is, which is damaged at its source")


def _failure(run: Run, key: BackupKey) -> Safety | None:
    """Return or raise what collect remembers of this capture, if it has given up."""
    failure = last_failure(run.ports.store, key.artifact_id) or {}
    if failure.get("slot") != key.slot.text or failure.get("retryable"):
        return None
    if failure.get("reason") == _DAMAGED:
        return Safety(
            None, _DAMAGED, f"no backup can be made of it, it is damaged: {failure.get('cause')}; it is set aside and kept"
        )
    raise _refused(
        run, f"what is there cannot be backed up: {failure.get('cause')}", str(failure.get("hint") or "See fleetsave status."),
        "safety_failed",
    )  # fmt: skip


def _refused(run: Run, cause: str, hint: str, reason: str) -> RestoreError:
    return RestoreError("secure", f"{run.plan.target_server_id}:{run.plan.target_path}", cause, hint, reason=reason)
