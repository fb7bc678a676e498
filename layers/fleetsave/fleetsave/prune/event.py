"""The event of prune: the daily run, or a dry run that a person asked for."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError, model_validator

from fleetsave.model.errors import InvalidInputError


@dataclass(frozen=True)
class PruneRequest:
    """Whether to delete, and the time a dry run is to pretend."""

    execute: bool
    as_of: datetime | None


class _Event(BaseModel):
    # A misspelt `dry_run` must not be taken for a real run.
    model_config = ConfigDict(extra="forbid", strict=True)

    scheduled_time: str | None = None
    dry_run: bool = False
    as_of: AwareDatetime | None = None

    @model_validator(mode="after")
    def _is_one_of_the_two(self) -> "_Event":
        if (self.scheduled_time is None) == (not self.dry_run):
            raise ValueError("give either scheduled_time or dry_run: true")
        if self.as_of is not None and not self.dry_run:
            raise ValueError("as_of goes with dry_run: true only")
        return self


def parse_event(body: str) -> PruneRequest:
    """Read `{"scheduled_time": "..."}` or `{"dry_run": true, "as_of": "..."}`; the scheduled time only tells who asks.

    Raise InvalidInputError for anything else, an unknown or misspelt key included.
    """
    try:
        event = _Event.model_validate_json(body)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'body'}: {p['msg']}" for p in error.errors(include_input=False))
        raise InvalidInputError(
            "read prune event", "prune message", problems, "The schedule sends scheduled_time (template.yaml)."
        ) from None
    return PruneRequest(not event.dry_run, event.as_of)
