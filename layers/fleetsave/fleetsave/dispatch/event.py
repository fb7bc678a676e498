"""The event of dispatch: which kind is due, for which slot."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kind: Kind
    slot: str | None = None
    time: str | None = None
    period_minutes: int = Field(ge=1, le=366 * 24 * 60)


def parse_event(body: str, now: datetime) -> tuple[Kind, Slot]:
    """Return kind and slot of a schedule's message.

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
    return event.kind, Slot.floor(moment, timedelta(minutes=event.period_minutes))


_HINT = "Schedules send kind, slot and period_minutes (template.yaml)."


def _read_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
