"""Telling people, once for each look of the watchdog."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fleetsave.model.errors import FleetsaveError, StoreError
from fleetsave.model.watch import WatchReport
from fleetsave.notices.decide import decide, without_memory
from fleetsave.notices.delivery import Delivered, deliver, queued
from fleetsave.notices.digest import summary
from fleetsave.notices.notice import Notice
from fleetsave.notices.pings import Pinged, ping
from fleetsave.notices.ports import NoticePorts
from fleetsave.notices.told import Told, Waiting, read_told, write_told

_NEW = "this channel is told for the first time"


@dataclass(frozen=True)
class NoticeOutcome:
    """What telling came to.

    `decided` counts the notices of this look, `sent` those that a channel took, `waiting` those that are kept for a later look,
    `pinged` the pings that were answered, and `failures` says what failed; their number is the metric NoticesFailed.
    """

    decided: int = 0
    sent: int = 0
    waiting: int = 0
    pinged: int = 0
    failures: Sequence[FleetsaveError] = ()


def tell(report: WatchReport, ports: NoticePorts, now: datetime) -> NoticeOutcome:
    """Tell of a look what is new in it, by every channel, and ping for what is proven; a minute at most.

    What is to be told is remembered before it is sent and forgotten once a channel has taken it: a crash repeats a notice and
    loses none. No two looks tell at once: their queue sees to it. `now` is the store's time. Raises nothing for what fails: the
    look itself must not fail for it.
    """
    refused = [ports.refused] if ports.refused else []
    try:
        told = read_told(ports.store)
        notices, after = decide(told, report, now)
        after = _queued(told, after, notices, report, ports, now)
        write_told(ports.store, after)
    except StoreError as error:
        return _tell_without_memory(report, ports, now, [*refused, error])
    delivered = deliver(ports.channels, after.waiting, lambda dropped: _in_place_of(dropped, after, report, now), ports.seconds)
    pinged = ping(report, ports.pings, after.pinged, ports.seconds)
    failures = [*refused, *delivered.failures, *pinged.failures]
    remembered = replace(after, waiting=delivered.waiting, pinged=pinged.newest)
    if remembered != after:
        try:
            write_told(ports.store, remembered)
        except StoreError as error:
            failures.append(error)
    return _outcome(len(notices), delivered, pinged, failures)


def _queued(told: Told, after: Told, notices: Sequence[Notice], report: WatchReport, ports: NoticePorts, now: datetime) -> Told:
    """Return what to remember with the notices behind what waits for each channel.

    While the secret cannot be used, the channels that were known before it are those that count.
    """
    names = [one.name for one in ports.channels]
    if ports.refused:
        names += [name for name in told.waiting if name not in names]

    def first() -> Notice:
        return notices[0] if told.lost else summary(after, report, now, _NEW)

    return replace(after, waiting=queued(told.waiting, names, notices, first))


def _in_place_of(dropped: int, told: Told, report: WatchReport, now: datetime) -> Notice:
    return summary(told, report, now, f"{dropped:,} or more notices could not be sent here: this stands in their place")


def _tell_without_memory(
    report: WatchReport, ports: NoticePorts, now: datetime, failures: Sequence[FleetsaveError]
) -> NoticeOutcome:
    """Tell what cannot wait for the memory to come back, and ping for the fleet, for which nothing need be remembered."""
    notices = tuple(without_memory(report, now))
    waiting = {one.name: Waiting(notices) for one in ports.channels}
    delivered = deliver(ports.channels, waiting, lambda _: notices[0], ports.seconds)
    fleet = {name: one for name, one in ports.pings.items() if name == "fleet"}
    pinged = ping(report, fleet, {}, ports.seconds)
    outcome = _outcome(len(notices), delivered, pinged, [*failures, *delivered.failures, *pinged.failures])
    return replace(outcome, waiting=0)


def _outcome(decided: int, delivered: Delivered, pinged: Pinged, failures: Sequence[FleetsaveError]) -> NoticeOutcome:
    waiting = sum(len(one.notices) for one in delivered.waiting.values())
    return NoticeOutcome(decided, delivered.sent, waiting, pinged.sent, failures)
