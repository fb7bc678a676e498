"""Bringing notices to channels: each channel has a queue of its own, and none waits for another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from fleetsave.model.errors import FleetsaveError
from fleetsave.notices.notice import Notice
from fleetsave.notices.ports import Channel
from fleetsave.notices.told import Waiting

MOST_WAITING = 20
"""Notices kept for a channel that does not take them; after more it gets one summary in their place."""

SECONDS = 40.0
"""What all channels together may take in a look."""

_SECONDS_EACH = 10.0
_LEAST_SECONDS = 0.5


@dataclass(frozen=True)
class Delivered:
    """What came of it: what still waits, by channel; how many were taken; and why each channel that failed did."""

    waiting: Mapping[str, Waiting]
    sent: int
    failures: Sequence[FleetsaveError]


def queued(
    waiting: Mapping[str, Waiting], names: Sequence[str], notices: Sequence[Notice], first: Callable[[], Notice]
) -> dict[str, Waiting]:
    """Return the queues of these channels with new notices behind what waits; one that is new gets `first` in place of them."""
    queues = {}
    for name in names:
        kept = waiting.get(name)
        found = (*kept.notices, *notices) if kept else (first(),)
        room, dropped = found[-MOST_WAITING:], kept.dropped if kept else 0
        queues[name] = Waiting(room, dropped + len(found) - len(room))
    return queues


def deliver(
    channels: Sequence[Channel],
    waiting: Mapping[str, Waiting],
    summary: Callable[[int], Notice],
    seconds: Callable[[], float],
) -> Delivered:
    """Send each channel what waits for it, the oldest first, until it fails or time is up.

    A channel that more waited for than is kept gets `summary` of the number that were dropped in place of all of it. A channel
    that is not among `channels` keeps what waits. `seconds` counts time.
    """
    until, left, failures, sent = seconds() + SECONDS, dict(waiting), [], 0
    for position, channel in enumerate(channels):
        share = (until - seconds()) / (len(channels) - position)
        mine = left[channel.name]
        ready = replace(mine, notices=(summary(mine.dropped),)) if mine.dropped else mine
        rest, error = _send(channel, ready, share, seconds)
        sent += len(ready.notices) - len(rest.notices)
        left[channel.name] = mine if mine.dropped and error else rest
        failures += [error] if error else []
    return Delivered(left, sent, failures)


def _send(
    channel: Channel, waiting: Waiting, share: float, seconds: Callable[[], float]
) -> tuple[Waiting, FleetsaveError | None]:
    """Send what waits for one channel, and return what still does; what there is no time for is no failure."""
    until = seconds() + share
    for taken, notice in enumerate(waiting.notices):
        remaining = min(until - seconds(), _SECONDS_EACH)
        if remaining < _LEAST_SECONDS:
            return Waiting(waiting.notices[taken:]), None
        try:
            channel.send(notice, remaining)
        except FleetsaveError as error:
            return Waiting(waiting.notices[taken:]), error
    return Waiting(), None
