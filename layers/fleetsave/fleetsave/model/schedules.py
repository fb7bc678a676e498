"""When each kind is due: a schedule's own expression, as EventBridge has it, turned into the times it stands for.

EventBridge counts the days of the week from 1 for Sunday, writes `?` for a day that the other field decides, and ends with a
year; cronsim reads cron's own five fields, where Sunday is 0. Schedules are in UTC (template.yaml).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

from fleetsave.model.errors import ConfigurationError
from fleetsave.model.slots import Slot

_CRON = re.compile(r"cron\(([^()]*)\)")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Due:
    """One time at which a kind was due, and the slot it stands for."""

    at: datetime
    slot: Slot


@dataclass(frozen=True)
class Schedule:
    """A schedule: `cron` as EventBridge has it, `cron(0 */6 * * ? *)`, and the period that its slots are floored to.

    Raise ConfigurationError for one whose times cannot be told from it: a rate, a single time, a year, or what is no expression.
    """

    cron: str
    period: timedelta

    def __post_init__(self) -> None:
        if self.period < timedelta(minutes=1) or self.period % _SECOND:
            raise self._refused("its period is not whole seconds, one minute or more", "Set its ...PeriodMinutes.")
        self._times(datetime(2000, 1, 1, tzinfo=UTC))

    def due_times(self, since: datetime, until: datetime) -> Iterator[Due]:
        """Yield what is due after `since` and not after `until`, in order; of several times in one slot the first."""
        last = None
        for moment in self._times(Slot.floor(since, self.period).at - _SECOND):
            if moment > until:
                return
            slot = Slot.floor(moment, self.period)
            if slot != last and moment > since:
                yield Due(moment, slot)
            last = slot

    def newest_due(self, now: datetime) -> Due | None:
        """Return what was due last, at or before `now`; None if nothing ever was."""
        latest = next(self._times(now.replace(microsecond=0) + _SECOND, backwards=True), None)
        if latest is None:
            return None
        slot = Slot.floor(latest, self.period)
        first = next(self.due_times(slot.at - _SECOND, latest), None)
        return first or Due(latest, slot)

    def floor(self, slot: Slot) -> Slot:
        """Return the slot that a backup's own slot counts for: a repetition stands a few seconds after what it repeats."""
        return Slot.floor(slot.at, self.period)

    def _times(self, start: datetime, *, backwards: bool = False) -> Iterator[datetime]:
        try:
            return CronSim(self._expression, start.astimezone(UTC), reverse=backwards)
        except CronSimError as error:
            raise self._refused(f"it cannot be read: {error}", "Write it as EventBridge Scheduler takes it.") from None

    @property
    def _expression(self) -> str:
        """Return the five fields of cron."""
        match = _CRON.fullmatch(self.cron.strip())
        fields = match[1].upper().split() if match else []
        if len(fields) != 6:
            raise self._refused(
                "only cron(minutes hours day-of-month month day-of-week year) tells which times have passed",
                "Write rate(1 hour) as cron(0 * * * ? *).",
            )
        minutes, hours, day, month, weekday, year = fields
        if year != "*":
            raise self._refused(f"it is for the year {year} alone, and ends", "Write * for the year.")
        if (day == "?") == (weekday == "?"):
            raise self._refused("one of the two fields for days must be ?, and not both", "For every day: cron(0 0 * * ? *).")
        days = "*" if weekday == "?" else ",".join(self._weekdays(term) for term in weekday.split(","))
        return f"{minutes} {hours} {day.replace('?', '*')} {month} {days}"

    def _weekdays(self, term: str) -> str:
        """Return a part of the field for days of the week as cron counts them, from 0 for Sunday, each day named for itself."""
        last, nth = term.endswith("L") and term != "L", term.partition("#")
        if last or nth[1]:
            return f"{self._weekday(term[:-1])}L" if last else f"{self._weekday(nth[0])}#{nth[2]}"
        span, slash, step = term.partition("/")
        first, dash, final = span.partition("-")
        begin = 0 if span == "*" else self._weekday(first)
        end = self._weekday(final) if dash else 6 if slash or span == "*" else begin
        if end < begin or (slash and not re.fullmatch(r"[1-7]", step)):
            raise self._refused(f"{term} is no range of days of the week", "Write 1 to 7, or SUN to SAT, from low to high.")
        return ",".join(str(number) for number in range(begin, end + 1, int(step) if slash else 1))

    def _weekday(self, name: str) -> int:
        if name in _DAYS:
            return _DAYS.index(name)
        if name == "L":
            return 6
        if not re.fullmatch(r"[1-7]", name):
            raise self._refused(f"{name or 'nothing'} is no day of the week", "Write 1 to 7, or SUN to SAT.")
        return int(name) - 1

    def _refused(self, cause: str, hint: str) -> ConfigurationError:
        return ConfigurationError("read schedule", repr(self.cron[:200]), cause, hint)
