"""Telling people, once for each look of the watchdog."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fleetsave.model.errors import FleetsaveError
from fleetsave.model.watch import WatchReport
from fleetsave.notices.ports import NoticePorts


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

    `now` is the store's time. Raises nothing for what fails: the look itself must not fail for it.
    """
    del report, ports, now
    return NoticeOutcome()
