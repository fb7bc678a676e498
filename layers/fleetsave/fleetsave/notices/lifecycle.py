"""The life of one problem: seen, told, reminded of, gone for long enough, over, and perhaps back."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.notices.told import Known

MENDED_BY_ITSELF = {ProblemKind.NOT_CAPTURED, ProblemKind.NOT_VERIFIED, ProblemKind.INCONCLUSIVE, ProblemKind.STALE_UPLOAD}
"""What the watchdog mends, or asks again: told only if it is still there in a later look. All else is told at once."""

FIRST_REMINDER = timedelta(days=1)
LATER_REMINDERS = timedelta(days=7)
KEPT_AFTER = timedelta(days=1)
"""What comes back within this time has come back, and is not new."""

_GOOD_LOOKS = 2
_MOST_GOOD_LOOKS = 96
"""A day of looks; each return of a problem doubles the good looks it needs before it counts as over."""


class Event(Enum):
    """What people are to be told of a problem in this look."""

    BEGAN = auto()
    OVER = auto()
    MENDED = auto()
    """Gone again before anybody was told."""


@dataclass(frozen=True)
class Step:
    """What a look made of one problem: how it is known from now on, None if it is forgotten, and what is to be told."""

    known: Known | None
    event: Event | None = None


def seen(before: Known | None, problem: Problem, now: datetime) -> Step:
    """Return what becomes of a problem that stands in a look."""
    if before is None:
        known = Known(problem, now)
        return _begin(known, now) if problem.kind not in MENDED_BY_ITSELF else Step(known)
    if not before.is_open:
        back = Known(problem, now, returned=before.returned + 1)
        return _begin(back, now) if problem.kind not in MENDED_BY_ITSELF else Step(back)
    words_of_now = replace(problem, since=min(problem.since, before.problem.since))
    known = replace(before, problem=words_of_now, good_looks=0, good_since=None)
    return Step(known) if known.told_at else _begin(known, now)


def missed(before: Known, now: datetime) -> Step:
    """Return what becomes of a problem that does not stand in a look that would have shown it."""
    if before.over_at is not None:
        return Step(before if now - before.over_at < KEPT_AFTER else None)
    good = replace(before, good_looks=before.good_looks + 1, good_since=before.good_since or now)
    if good.good_looks < good_looks_needed(good.returned):
        return Step(good)
    over = replace(good, over_at=now)
    if good.told_at:
        return Step(over, Event.OVER)
    return Step(over if good.returned else None, Event.MENDED)


def good_looks_needed(returned: int) -> int:
    """Return in how many looks in a row a problem must not stand before it is over, having come back so often."""
    return min(_GOOD_LOOKS << min(returned, 10), _MOST_GOOD_LOOKS)


def reminder_is_due(known: Known, now: datetime) -> bool:
    """Tell whether people should hear of an open problem again: after a day, then weekly."""
    if known.told_at is None or not known.is_open:
        return False
    return now - known.told_at >= (FIRST_REMINDER if known.told_times == 1 else LATER_REMINDERS)


def told_again(known: Known, now: datetime) -> Known:
    """Return a problem that people have just been told of."""
    return replace(known, told_at=now, told_times=known.told_times + 1)


def _begin(known: Known, now: datetime) -> Step:
    return Step(told_again(known, now), Event.BEGAN)
