"""Whether an artifact's newest slot was captured; if not, and nothing forbids it, it is queued again."""

from collections.abc import Sequence

from fleetsave.model.due import is_due
from fleetsave.model.exposure import missing_now
from fleetsave.model.history import Backup
from fleetsave.model.jobs import Job
from fleetsave.model.keys import RecordName
from fleetsave.model.schedules import Due
from fleetsave.model.watch import ProblemKind
from fleetsave.watchdog import problems
from fleetsave.watchdog.artifact_state import ArtifactState, Failure, read_state
from fleetsave.watchdog.expected import Expected
from fleetsave.watchdog.look import Look, Seen, Tally
from fleetsave.watchdog.remedies import REQUEUED


def look_for_missing(one: Expected, backups: Sequence[Backup], good: Backup | None, look: Look, seen: Seen) -> None:
    """Tell of the slots that passed since an artifact's newest backup, and have the newest of them captured. Raise StoreError.

    A capture now cannot stand for an older one. None is queued while a run is at work on it, while a recovery holds captures of
    the server back, or where the last run has said that another one would fail as well.
    """
    kind = one.artifact_id.kind
    schedule, due = look.ports.schedules.get(kind), look.overdue.get(kind, ())
    if schedule is None or one.asked_as is None or not due:
        return
    stored = [schedule.floor(b.key.slot) for b in backups if RecordName.STORED in b.recorded_at and b.key.slot.at <= look.now]
    newest_stored = max(stored, default=None)
    is_newer = newest_stored is not None and newest_stored > due[-1].slot
    missing = [] if is_newer else missing_now(due, backups, schedule)
    seen.tally.add(Tally(expected=1, captured=not missing, newest=newest_stored))
    if not missing:
        return
    newest = missing[-1]
    state = read_state(look.ports.store, one.artifact_id)
    failure = state.failure
    if failure is None and one.asked_as != one.artifact_id:
        failure = read_state(look.ports.store, one.asked_as).failure
    hindrance = _hindrance(one, newest, state, failure, look)
    if hindrance is None and is_due(newest.at, look.last_look, look.now, look.late_after(kind)):
        seen.remedies.captures[Job(one.asked_as, newest.slot)] = REQUEUED
    done = hindrance or "its capture is queued again"
    told = f"; its last run, for {failure.slot}, said: {failure.cause}. {failure.hint}" if failure else ""
    what = f"{_slots(missing)} without a backup; {done}{told}"
    seen.problems.append(
        problems.of_artifact(ProblemKind.NOT_CAPTURED, one.artifact_id, what[:1500], missing[0].at, problems.STATUS, good=good)
    )


def _hindrance(one: Expected, newest: Due, state: ArtifactState, failure: Failure | None, look: Look) -> str | None:
    recovery_id = look.recovering.at_work.get(one.artifact_id.server_id)
    if recovery_id is not None:
        return f"recovery {recovery_id} is under way there, and captures wait for it"
    if state.is_at_work(look.now):
        return "a run is at work on it"
    if failure is not None and not failure.retryable and failure.slot == newest.slot.text:
        return "it is not queued again, for it would fail again"
    return None


def _slots(missing: Sequence[Due]) -> str:
    newest = missing[-1].slot.text
    if len(missing) == 1:
        return f"slot {newest} is"
    return f"{len(missing)} slots in a row, {missing[0].slot.text} to {newest}, are"
