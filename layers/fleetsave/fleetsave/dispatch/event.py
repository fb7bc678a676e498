"""The event of dispatch: which kind is due, and for which slot."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field, TypeAdapter

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.kinds import Kind
from fleetsave.model.messages import read_message
from fleetsave.model.slots import Slot

_HINT = "Schedules send kind, slot and period_minutes (template.yaml)."


@dataclass(frozen=True)
class _Message:
    kind: Kind
    period_minutes: Annotated[int, Field(ge=1, le=366 * 24 * 60)]
    slot: str | None = None
    time: str | None = None


_MESSAGE = TypeAdapter(_Message)


def parse_event(body: str, now: datetime) -> tuple[Kind, Slot]:
    """Return kind and slot of a schedule's message.

    The slot is the scheduled time, else the event's own time, else `now`, floored to the period: a scheduler that leaves
    its placeholder unfilled still gives the right slot. Raise InvalidInputError if the message is not of that form, or
    names a time more than a day from `now`, which no schedule does.
    """
    message = read_message(_MESSAGE, body, "schedule event", "dispatch", _HINT)
    moment = _read_time(message.slot) or _read_time(message.time) or now
    if abs(moment - now) > timedelta(days=1):
        raise InvalidInputError("read schedule event", "dispatch message", f"{moment} is more than a day from now", _HINT)
    return message.kind, Slot.floor(moment, timedelta(minutes=message.period_minutes))


def _read_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
