"""The event of dispatch: which kind is due, for which slot, and when the next one is."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fleetsave.model.errors import ConfigurationError, InvalidInputError
from fleetsave.model.kinds import Kind
from fleetsave.model.schedules import Schedule
from fleetsave.model.slots import Slot
from fleetsave.observability import logger


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kind: Kind
    slot: str | None = None
    time: str | None = None
    period_minutes: int = Field(ge=1, le=366 * 24 * 60)
    cron: str | None = None


def parse_event(body: str, now: datetime) -> tuple[Kind, Slot, datetime | None]:
    """Return kind and slot of a schedule's message, and when the slot after it is due, None if the message does not tell.

    The slot is the scheduled time, else the event's own time, else `now`, floored to the period: a scheduler that leaves
    its placeholder unfilled still gives the right slot. Raise InvalidInputError if the message is not of that form, or
    names a time more than a day from `now`, which no schedule does.
    """
    try:
        event = _Event.model_validate_json(body)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'body'}: {p['msg']}" for p in error.errors(include_input=False))
        raise InvalidInputError("read schedule event", "dispatch message", problems, _HINT) from None
    moment = _read_time(event.slot) or _read_time(event.time) or now
    if abs(moment - now) > timedelta(days=1):
        raise InvalidInputError("read schedule event", "dispatch message", f"{moment} is more than a day from now", _HINT)
    period = timedelta(minutes=event.period_minutes)
    return event.kind, Slot.floor(moment, period), _next_due(event.cron, period, moment)


def _next_due(cron: str | None, period: timedelta, moment: datetime) -> datetime | None:
    """Return when the next slot is due; a schedule that cannot be followed loses that alone, and never a capture."""
    if cron is None:
        return None
    try:
        due = next(Schedule(cron, period).due_times(moment, moment + _LONGEST), None)
    except ConfigurationError as error:
        logger().warning("the schedule's next time cannot be told", extra=error.as_dict())
        return None
    return None if due is None else due.at


_HINT = "Schedules send kind, slot, period_minutes and cron (template.yaml)."
_LONGEST = timedelta(days=366)


def _read_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
