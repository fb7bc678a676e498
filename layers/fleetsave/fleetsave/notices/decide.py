"""From one look to what people are told of it: pure, so that every sequence of looks can be tried."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fleetsave.model.due import LOOK_EVERY, is_due
from fleetsave.model.watch import WatchReport
from fleetsave.notices import digest, lifecycle, messages
from fleetsave.notices.lifecycle import Event
from fleetsave.notices.notice import Notice
from fleetsave.notices.sight import sight_of
from fleetsave.notices.told import Known, Told

MOST_SERVERS = 5
"""Servers that have a notice each within an hour; from then on there is one notice a look for all of them together."""

MOST_NOTICES = 2 * (MOST_SERVERS + 1) + 1
"""The most that one look can tell: of trouble that began and of trouble that is over, and of what is open."""

_HOUR = timedelta(hours=1)
_FRESH = timedelta(hours=12)
"""What was told so lately is left out of a reminder."""

_FIRST_WORDS = "nothing is remembered of earlier notices: either this is the first one, or the memory of them was lost"


@dataclass(frozen=True)
class _Look:
    """What one look made of every problem."""

    known: Mapping[str, Known]
    began: Sequence[Known]
    over: Sequence[Known]
    mended: Sequence[Known]


def decide(told: Told, report: WatchReport, now: datetime) -> tuple[list[Notice], Told]:
    """Return what people are to be told of a look, at most MOST_NOTICES, and what to remember.

    `now` is the store's time. Nothing here knows of channels: `waiting` and `pinged` are handed on as they are.
    """
    before = told.not_after(now)
    look = _look(before, report, now)
    after = replace(before, known=look.known, mended=_mended(before, look), did=dict(Counter(before.did) + Counter(report.did)))
    if before.lost:
        every = replace(after, known={identity: _told(one, now) for identity, one in look.known.items()})
        return [digest.summary(every, report, now, _FIRST_WORDS)], replace(every, digest_at=now, mended={}, did={})
    notices = [
        *_grouped(look.began, _lately(before, now, _began_at), messages.began, messages.storm, now),
        *_over(look, before, report, now),
    ]
    if digest.digest_is_due(before.digest_at, now):
        notices.append(digest.weekly(after, report, now))
        return notices, replace(_reminded(after, now), digest_at=now, mended={}, did={})
    due = [one for one in after.known.values() if lifecycle.reminder_is_due(one, now)]
    if due and (before.reminded_at is None or now - before.reminded_at >= lifecycle.FIRST_REMINDER):
        notices.append(messages.reminder([one.problem for one in after.known.values() if _in_reminder(one, now)], now))
        after = _reminded(after, now)
    return notices, after


def without_memory(report: WatchReport, now: datetime) -> list[Notice]:
    """Return what to tell of a look while nothing can be remembered: at most one notice, ever more rarely of the same trouble."""
    due = [one for one in report.problems if is_due(one.since, now - LOOK_EVERY, now)]
    return [messages.unremembered(due, now)] if due else []


def _look(before: Told, report: WatchReport, now: datetime) -> _Look:
    sight = sight_of(report)
    problems = {one.identity: one for one in report.problems}
    known: dict[str, Known] = {}
    events: dict[Event, list[Known]] = defaultdict(list)
    for identity in dict.fromkeys([*before.known, *problems]):
        one = before.known.get(identity)
        if identity in problems:
            step = lifecycle.seen(one, problems[identity], now)
        elif one is not None and sight.covers(one.problem):
            step = lifecycle.missed(one, now)
        else:
            step = lifecycle.Step(one)
        if step.known is not None:
            known[identity] = step.known
        if step.event is not None:
            events[step.event].append(step.known or before.known[identity])
    return _Look(known, events[Event.BEGAN], events[Event.OVER], events[Event.MENDED])


def _mended(before: Told, look: _Look) -> dict[str, int]:
    return dict(Counter(before.mended) + Counter(str(one.problem.kind) for one in (*look.over, *look.mended)))


def _lately(before: Told, now: datetime, when: Callable[[Known], datetime | None]) -> set[str]:
    """Return the servers that had a notice within the last hour."""
    found = ((_server(one), when(one)) for one in before.known.values())
    return {server for server, at in found if at is not None and now - at < _HOUR}


def _grouped(
    known: Sequence[Known],
    lately: set[str],
    of_one: Callable[[str, Sequence[Known], datetime], Notice],
    of_many: Callable[[Mapping[str, Sequence[Known]], datetime], Notice],
    now: datetime,
) -> list[Notice]:
    """Return one notice for each server, or one for all of them if that would be too many within an hour."""
    by_server: dict[str, list[Known]] = defaultdict(list)
    for one in known:
        by_server[_server(one)].append(one)
    if len((set(by_server) | lately) - {messages.FLEET}) > MOST_SERVERS and len(by_server) > 1:
        return [of_many(by_server, now)]
    return [of_one(server, found, now) for server, found in sorted(by_server.items())]


def _over(look: _Look, before: Told, report: WatchReport, now: datetime) -> list[Notice]:
    artifacts = {one.artifact: one for one in report.artifacts}
    there = [one for one in look.known.values() if one.is_open and one.told_at and not one.good_looks]

    def of_many(by_server: Mapping[str, Sequence[Known]], at: datetime) -> Notice:
        return messages.over(by_server, [one for one in there if _server(one) in by_server], artifacts, at)

    def of_one(server: str, found: Sequence[Known], at: datetime) -> Notice:
        return of_many({server: found}, at)

    return _grouped(look.over, _lately(before, now, lambda one: one.over_at), of_one, of_many, now)


def _began_at(known: Known) -> datetime | None:
    """Return when a problem was told as new, if it has not been told again."""
    return known.told_at if known.told_times == 1 else None


def _server(known: Known) -> str:
    return known.problem.server_id or messages.FLEET


def _told(known: Known, now: datetime) -> Known:
    return lifecycle.told_again(known, now) if known.is_open and known.told_at is None else known


def _in_reminder(known: Known, now: datetime) -> bool:
    return known.is_open and known.told_at is not None and now - known.told_at >= _FRESH


def _reminded(told: Told, now: datetime) -> Told:
    known = {i: lifecycle.told_again(one, now) if _in_reminder(one, now) else one for i, one in told.known.items()}
    return replace(told, known=known, reminded_at=now)
