"""What the backups of one artifact leave open: slots without one, and times for which nothing newer could be had back."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from fleetsave.model.history import Backup, State
from fleetsave.model.keys import RecordName
from fleetsave.model.retention import CLOCK_TOLERANCE
from fleetsave.model.schedules import Due, Schedule

WINDOW = timedelta(days=30)
"""How far back the worst window is looked for."""

_JUDGED = (State.VERIFIED, State.SUSPECT, State.INCONCLUSIVE, State.REJECTED)


def uncaptured(due: Sequence[Due], backups: Iterable[Backup], schedule: Schedule) -> list[Due]:
    """Return which of the times that were due, in order, no stored backup of an artifact stands for; a rejected one does."""
    captured = {schedule.floor(backup.key.slot) for backup in backups if RecordName.STORED in backup.recorded_at}
    return [one for one in due if one.slot not in captured]


def missing_now(due: Sequence[Due], backups: Sequence[Backup], schedule: Schedule) -> list[Due]:
    """Return the times since the newest backup that no backup stands for, in order: empty if the newest slot has one.

    An artifact that never had a backup misses the newest slot alone: nobody knows since when it has been asked for.
    """
    if not any(RecordName.STORED in backup.recorded_at for backup in backups):
        return list(due[-1:])
    missing = uncaptured(due, backups, schedule)
    return list(due[len(due) - _run_at_the_end(due, missing) :])


def _run_at_the_end(due: Sequence[Due], missing: Sequence[Due]) -> int:
    length = 0
    while length < len(missing) and missing[-1 - length] == due[-1 - length]:
        length += 1
    return length


def missed_slots(due: Sequence[Due], backups: Sequence[Backup], schedule: Schedule) -> int:
    """Return how many slots since an artifact's first backup among these have none."""
    stored = [backup.key.slot for backup in backups if RecordName.STORED in backup.recorded_at]
    first = schedule.floor(min(stored)) if stored else None
    return sum(first is not None and one.slot > first for one in uncaptured(due, backups, schedule))


def newest_verified(backups: Sequence[Backup], now: datetime) -> Backup | None:
    """Return the newest verified backup, of those that do not stand for a time to come: a clock was wrong when they were made."""
    verified = (b for b in backups if b.state is State.VERIFIED and b.key.slot.at <= now + CLOCK_TOLERANCE)
    return max(verified, key=lambda backup: backup.key.slot, default=None)


def newest_judged(backups: Sequence[Backup]) -> Backup | None:
    """Return the newest backup that has a verdict and was not pruned."""
    return max((b for b in backups if b.state in _JUDGED), key=lambda backup: backup.key, default=None)


def worst_window(backups: Sequence[Backup], now: datetime) -> timedelta | None:
    """Return the longest time within the last 30 days for which no newer data could have been had back, None if never any could.

    From a backup's verdict on, what can be had back is as old as its slot; so a window lasts from the slot of one verified
    backup to the verdict on the next, or to now. A pruned backup counts for its time, a rejected one never.
    """
    proven = sorted(
        (backup.recorded_at[RecordName.VERIFIED], backup.key.slot.at)
        for backup in backups
        if RecordName.VERIFIED in backup.recorded_at and RecordName.REJECTED not in backup.recorded_at
    )
    newest: datetime | None = None
    worst = timedelta(0)
    for verified_at, slot_at in proven:
        if verified_at > now or slot_at > now:
            continue
        if newest is not None and verified_at >= now - WINDOW:
            worst = max(worst, verified_at - newest)
        newest = slot_at if newest is None else max(newest, slot_at)
    return None if newest is None else max(worst, now - newest)
