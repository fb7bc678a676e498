"""Slots: the scheduled time a run stands for, never the time it happens to run at."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache

from fleetsave.model.errors import InvalidInputError

_FORMAT = "%Y%m%d_%H%M%S"


@dataclass(frozen=True, order=True)
class Slot:
    """A UTC time of whole seconds, written `YYYYMMDD_HHMMSS`; slots sort as their texts do."""

    at: datetime

    def __post_init__(self) -> None:
        if self.at.tzinfo != UTC or self.at.microsecond:
            raise _refused(str(self.at), "a slot is a UTC time of whole seconds")

    @cached_property
    def text(self) -> str:
        """Return the slot as it stands in keys, e.g. `20240101_120000`."""
        return f"{self.at.year:04d}{self.at:%m%d_%H%M%S}"

    def repair(self, number: int) -> "Slot":
        """Return the slot that the `number`-th repetition of this one is stored under (docs/decisions/0004).

        Raise InvalidInputError after the end of the calendar.
        """
        try:
            return Slot(self.at + timedelta(seconds=number))
        except OverflowError:
            raise _refused(self.text, "there is no time after it for a repetition") from None

    @classmethod
    def before(cls, moment: datetime, span: timedelta) -> "Slot":
        """Return the whole second that lies so long before a moment, the first there is if none does."""
        try:
            return cls((moment - span).astimezone(UTC).replace(microsecond=0))
        except OverflowError:
            return cls(datetime.min.replace(tzinfo=UTC))

    @classmethod
    def parse(cls, text: str) -> "Slot":
        """Read `YYYYMMDD_HHMMSS`. Raise InvalidInputError for anything else."""
        return _parse(text)

    @classmethod
    def floor(cls, moment: datetime, period: timedelta) -> "Slot":
        """Return the start of the period, counted from 1970-01-01 UTC, in which `moment` lies.

        Raise InvalidInputError if the period is shorter than a minute or the moment has no time zone.
        """
        if period < timedelta(minutes=1):
            raise _refused(str(period), "a period is at least one minute")
        if moment.tzinfo is None:
            raise _refused(str(moment), "the time has no time zone")
        seconds = int(moment.timestamp())
        return cls(datetime.fromtimestamp(seconds - seconds % int(period.total_seconds()), UTC))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Slot:
    """Read a slot; the servers of a fleet share theirs, and reading one takes longer than all else that a listing asks for."""
    try:
        slot = Slot(datetime.strptime(text, _FORMAT).replace(tzinfo=UTC))
    except ValueError:
        raise _refused(text, "it is not a time of the form YYYYMMDD_HHMMSS") from None
    if slot.text != text:
        raise _refused(text, "it is not a time of the form YYYYMMDD_HHMMSS")
    return slot


def _refused(text: str, cause: str) -> InvalidInputError:
    return InvalidInputError("read slot", repr(text), cause, "Slots look like 20240101_120000, in UTC.")
