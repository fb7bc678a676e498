"""What one look knows before it looks at any place, and what it brings home from each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from fleetsave.catalog.histories import History, Place
from fleetsave.model.due import LOOK_EVERY, newest_turn
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.exposure import WINDOW
from fleetsave.model.fleet import Fleet
from fleetsave.model.kinds import Kind
from fleetsave.model.schedules import Due, Schedule
from fleetsave.model.slots import Slot
from fleetsave.model.watch import ArtifactWatch, Problem
from fleetsave.store.base import OpenUpload
from fleetsave.watchdog.memory import Longterm
from fleetsave.watchdog.ports import Ports
from fleetsave.watchdog.recovering import Recovering
from fleetsave.watchdog.remedies import Remedies

_DAY = timedelta(days=1)
_DAYS = timedelta(days=2)
_FROM_THE_BEGINNING = timedelta(days=28)


@dataclass(frozen=True)
class Look:
    """One look: its time by the store's clock, and that of the look before; `mends` tells whether what it finds is mended.

    `fleets` is the fleet server by server, None if nobody knows what it is. `uploads` are the open ones older than an hour, by
    place. `deep` names the servers that are looked at whole, `turns` those of them whose daily turn it is, with the turn before
    and this one. `longterm` is what an earlier look at a month or more has shown.
    """

    ports: Ports
    now: datetime
    last_look: datetime
    mends: bool
    fleets: Mapping[str, Fleet] | None
    recovering: Recovering
    uploads: Mapping[Place, Sequence[OpenUpload]] = field(default_factory=dict)
    deep: frozenset[str] = frozenset()
    turns: Mapping[str, tuple[datetime, datetime]] = field(default_factory=dict)
    overdue: Mapping[Kind, Sequence[Due]] = field(default_factory=dict)
    longterm: Mapping[str, Mapping[str, Longterm]] = field(default_factory=dict)

    def since(self, kind: Kind) -> Slot:
        """Return the slot from which on a place is listed in every look: two days back, or three periods if that is more."""
        schedule = self.ports.schedules.get(kind)
        return Slot((self.now - max(_DAYS, 3 * schedule.period if schedule else _DAYS)).replace(microsecond=0))

    def month(self, kind: Kind) -> Slot:
        """Return the slot from which on a place is listed to see the last 30 days, and what went before them."""
        schedule = self.ports.schedules.get(kind)
        margin = max(_DAY, 2 * schedule.period if schedule else _DAY)
        return Slot((self.now - WINDOW - margin).replace(microsecond=0))

    def is_long(self, history: History) -> bool:
        """Tell whether a history shows a month or more."""
        return history.since is None or history.since <= self.month(history.place[1])

    def is_from_the_beginning(self, server_id: str) -> bool:
        """Tell whether a server's history is listed from its beginning: in one of 28 turns, for records are kept for ever."""
        turn = self.turns.get(server_id)
        return turn is not None and newest_turn(f"{server_id}/", turn[1], _FROM_THE_BEGINNING) > turn[0]

    def remembered(self, place: Place) -> Mapping[str, Longterm]:
        """Return what an earlier look at a month or more has shown of the artifacts of a place, by their names."""
        return self.longterm.get(name_of(place), {})

    def late_after(self, kind: Kind) -> timedelta:
        """Return how late anything of a kind may be before it is taken for lost."""
        return late_after(self.ports.schedules.get(kind))

    def fleet_of(self, server_id: str) -> Fleet | None:
        """Return the part of the fleet about one server, None if it is not named or nobody knows."""
        return self.fleets.get(server_id) if self.fleets is not None else None


def late_after(schedule: Schedule | None) -> timedelta:
    """Return how late a capture or a verdict may be: the time between two looks, or less where captures are closer together."""
    return min(LOOK_EVERY, schedule.period) if schedule else LOOK_EVERY


def overdue_times(schedule: Schedule, now: datetime) -> list[Due]:
    """Return what was due in the last 30 days and must be there by now, in order; of what is due rarely, the newest at least."""
    begin, until = now - WINDOW, now - late_after(schedule)
    first = begin.replace(hour=0, minute=0, second=0, microsecond=0) - _DAY
    days = (first + _DAY * number for number in range((until - first) // _DAY + 1))
    due = [one for day in days for one in _due_in(schedule, day) if begin < one.at <= until]
    newest = None if due else schedule.newest_due(until)
    return [newest] if newest else due


@lru_cache(maxsize=1024)
def _due_in(schedule: Schedule, day: datetime) -> tuple[Due, ...]:
    """Return what is due in the day that begins at a time; it never changes, and a function that is kept warm asks again."""
    return tuple(schedule.due_times(day, day + _DAY))


@dataclass
class Tally:
    """How many artifacts of a kind should have a backup for the newest slot, how many have it, and the newest slot any has."""

    expected: int = 0
    captured: int = 0
    newest: Slot | None = None

    def add(self, other: "Tally") -> None:
        """Count another place's in."""
        self.expected += other.expected
        self.captured += other.captured
        self.newest = max((slot for slot in (self.newest, other.newest) if slot is not None), default=None)


@dataclass
class Seen:
    """What was seen at one place, and what is to be done about it.

    `compared` is what comparing with the data showed, None where that was not done; `compared_since` the slot that began at, None
    for all; `is_deep` tells that all of its data was listed; `stored_bytes` what was stored there, None unless it was.
    `longterm` is what a month or more showed of each artifact, None if less was listed. `unlisted` is why some of it could not
    be seen.
    """

    place: Place
    artifacts: list[ArtifactWatch] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remedies: Remedies = field(default_factory=Remedies)
    tally: Tally = field(default_factory=Tally)
    compared: list[Problem] | None = None
    compared_since: Slot | None = None
    is_deep: bool = False
    stored_bytes: int | None = None
    longterm: dict[str, Longterm] | None = None
    unlisted: FleetsaveError | None = None


def name_of(place: Place) -> str:
    """Return what a place is called: `server/kind`."""
    return f"{place[0]}/{place[1]}"
