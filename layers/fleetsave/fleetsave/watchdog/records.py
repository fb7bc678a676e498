"""What the records of one place show: how old, what is missing, what waits for a verdict, what was found bad."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from fleetsave.catalog.histories import History
from fleetsave.model.due import is_due
from fleetsave.model.durations import spell
from fleetsave.model.errors import CatalogError, ObjectNotFoundError
from fleetsave.model.exposure import missed_slots, newest_judged, newest_verified, worst_window
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId, RecordName
from fleetsave.model.retention import CLOCK_TOLERANCE
from fleetsave.model.watch import ArtifactWatch, Problem, ProblemKind
from fleetsave.watchdog import problems
from fleetsave.watchdog.expected import Expected, expected_of
from fleetsave.watchdog.look import Look, Seen
from fleetsave.watchdog.memory import Longterm
from fleetsave.watchdog.missing import look_for_missing

_LOOKED_INTO = 3
"""How many of the backups that wait for a verdict have their record read in one look."""

_READ_AFTER = timedelta(hours=1)
_NOT_IN_FLEET_FOR = timedelta(days=2)


def look_at_records(history: History, look: Look) -> Seen:
    """Return what a listing shows of each artifact that should be there, and of those that no longer should. Raise StoreError."""
    seen = Seen(history.place, longterm={} if look.is_long(history) else None)
    server_id = history.place[0]
    seen.problems += [problems.not_understood(server_id, error, look.now) for error in history.foreign]
    expected = expected_of(history, look)
    for one in expected:
        backups = history.backups.get(one.artifact_id, ())
        good = newest_verified(backups, look.now)
        _tell_age(one, backups, good, look, seen)
        look_for_missing(one, backups, good, look, seen)
    for artifact_id, backups in history.backups.items():
        if artifact_id.is_safety:
            continue
        good = newest_verified(backups, look.now)
        _ask_for_verdicts(artifact_id, backups, good, look, seen)
        _tell_bad_times(artifact_id, backups, good, look, seen)
    for one in expected:
        _tell_bad_verdict(one, history.backups.get(one.artifact_id, ()), look, seen)
    _tell_unnamed(history, look, seen)
    return seen


def _tell_age(one: Expected, backups: Sequence[Backup], good: Backup | None, look: Look, seen: Seen) -> None:
    due = look.overdue.get(one.artifact_id.kind, ())
    age = max(look.now - good.key.slot.at, timedelta(0)) if good else None
    longterm = _longterm(one.artifact_id, backups, look, seen)
    seen.artifacts.append(
        ArtifactWatch(
            artifact=str(one.artifact_id),
            target_seconds=one.target.total_seconds(),
            newest_verified_key=good.key.text if good else None,
            newest_verified_age_seconds=age.total_seconds() if age is not None else None,
            worst_window_seconds=longterm.worst_window_seconds,
            missed_slots=longterm.missed_slots,
        )
    )
    if age is not None and good is not None and age <= one.target:
        return
    if good is not None:
        what, since = f"its newest verified backup is of {good.key.slot.text}, older than {spell(one.target)}", good.key.slot.at
        since += one.target
    else:
        stored = [backup.key.slot.at for backup in backups]
        what = "no backup of it is verified" if stored else "there is no backup of it"
        since = min([*stored, due[-1].at if due else look.now, look.now])
    command = problems.list_of(one.artifact_id) if backups else problems.STATUS
    seen.problems.append(problems.of_artifact(ProblemKind.TOO_OLD, one.artifact_id, what, since, command, good=good))


def _longterm(artifact_id: ArtifactId, backups: Sequence[Backup], look: Look, seen: Seen) -> Longterm:
    """Return what the last 30 days show of an artifact: by this listing, or by this and what an earlier and longer one showed."""
    kind = artifact_id.kind
    schedule, due = look.ports.schedules.get(kind), look.overdue.get(kind, ())
    window = worst_window(backups, look.now)
    seconds = window.total_seconds() if window is not None else None
    before = look.remembered(seen.place).get(artifact_id.artifact) if seen.longterm is None else None
    if before is not None:
        due = [one for one in due if one.at > before.at - look.late_after(kind)]
        seconds = max((one for one in (seconds, before.worst_window_seconds) if one is not None), default=None)
    missed = missed_slots(due, backups, schedule) if schedule else 0
    found = Longterm(look.now, seconds, missed + (before.missed_slots if before else 0))
    if seen.longterm is not None:
        seen.longterm[artifact_id.artifact] = found
    return found


def _ask_for_verdicts(
    artifact_id: ArtifactId, backups: Sequence[Backup], good: Backup | None, look: Look, seen: Seen
) -> None:  # fmt: skip
    """Have what was stored and not judged be judged; say so once it is late."""
    waiting = [
        (_stored_at(backup, look.now), backup)
        for backup in backups
        if backup.state is State.STORED and RecordName.STORED in backup.recorded_at
    ]
    first = look.late_after(artifact_id.kind)
    late = [(stored_at, backup) for stored_at, backup in waiting if look.now - stored_at >= first]
    seen.remedies.verifications |= {backup.key for at, backup in late if is_due(at, _last_seen(backup, look), look.now, first)}
    if not late:
        return
    since, newest = min(at for at, _ in late), max(backup.key for _, backup in late)
    what = f"{_count(len(late), 'stored backup')} of it without a verdict, the newest {newest}; verify was asked again"
    seen.problems.append(
        problems.of_artifact(ProblemKind.NOT_VERIFIED, artifact_id, what, since, f"fleetsave verify {newest}", good=good)
    )
    for _, backup in [one for one in late if look.now - one[0] > _READ_AFTER][-_LOOKED_INTO:]:
        try:
            look.ports.catalog.stored(backup.key)
        except CatalogError as error:
            seen.problems.append(problems.not_understood(artifact_id.server_id, error, look.now))
        except ObjectNotFoundError:
            continue  # listed, and gone since: the next look tells


def _last_seen(backup: Backup, look: Look) -> datetime:
    """Return when a backup was last looked at: an old one is so only when its server's turn comes."""
    artifact_id = backup.key.artifact_id
    turn = look.turns.get(artifact_id.server_id)
    return look.last_look if turn is None or backup.key.slot >= look.since(artifact_id.kind) else turn[0]


def _stored_at(backup: Backup, now: datetime) -> datetime:
    """Return when a backup was stored; its slot, where the store's clock was ahead when the record was written."""
    stored_at = backup.recorded_at[RecordName.STORED]
    return stored_at if stored_at <= now else min(backup.key.slot.at, now)


def _tell_bad_times(
    artifact_id: ArtifactId, backups: Sequence[Backup], good: Backup | None, look: Look, seen: Seen
) -> None:  # fmt: skip
    newest = max(backups, key=lambda backup: backup.key.slot, default=None)
    if newest is None or newest.key.slot.at <= look.now + CLOCK_TOLERANCE:
        return
    what = "it stands for a time in the future: a clock was or is wrong; nothing of its artifact is pruned meanwhile"
    # Not under the artifact's own name: all else of it is seen as well as ever.
    last_good, command = good.key.text if good else None, problems.list_of(artifact_id)
    server_id, key = artifact_id.server_id, newest.key.text
    seen.problems.append(Problem(ProblemKind.UNREADABLE, what, look.now, command, server_id, key=key, last_good_key=last_good))


_BAD = {
    State.REJECTED: (ProblemKind.REJECTED, "the newest judged backup was rejected", "show"),
    State.SUSPECT: (ProblemKind.SUSPECT, "the newest judged backup is suspect: a person decides", "show"),
    State.INCONCLUSIVE: (ProblemKind.INCONCLUSIVE, "the newest judged backup could not be judged to the end", "verify"),
}


def _tell_bad_verdict(one: Expected, backups: Sequence[Backup], look: Look, seen: Seen) -> None:
    """Tell of a bad verdict that no better one has followed, and have a rejected newest backup's repetition queued again."""
    judged = newest_judged(backups)
    if judged is None or judged.state not in _BAD:
        return
    kind, what, command = _BAD[judged.state]
    since, good = judged.recorded_at[RecordName(judged.state)], newest_verified(backups, look.now)
    seen.problems.append(
        problems.of_artifact(
            kind, one.artifact_id, what, since, f"fleetsave {command} {judged.key}", key=judged.key.text, good=good
        )
    )
    newest = max(backups, key=lambda backup: backup.key)
    if judged.state is State.REJECTED and newest == judged and is_due(since, look.last_look, look.now):
        seen.remedies.verifications.add(judged.key)


def _tell_unnamed(history: History, look: Look, seen: Seen) -> None:
    """Tell of what was backed up until lately, and is not in the fleet file any more."""
    server_id = history.place[0]
    if look.fleets is None:
        return
    fleet = look.fleet_of(server_id)
    for artifact_id, backups in history.backups.items():
        good = newest_verified(backups, look.now)
        if artifact_id.is_safety or good is None or (fleet is not None and fleet.names(artifact_id)):
            continue
        newest = max(backup.key.slot for backup in backups)
        if look.now - newest.at <= _NOT_IN_FLEET_FOR:
            what = (
                "it was backed up until lately, and the fleet file does not name it: it is neither captured nor pruned any more"
            )
            seen.problems.append(
                problems.of_artifact(ProblemKind.NOT_IN_FLEET, artifact_id, what, newest.at, problems.SHOW_FLEET, good=good)
            )


def _count(number: int, what: str) -> str:
    return f"{number} {what}s are" if number > 1 else f"1 {what} is"
