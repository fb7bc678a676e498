"""The event of the watchdog: its schedule's message, or a dry look that a person asked for."""

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from fleetsave.model.errors import InvalidInputError


class _Event(BaseModel):
    # A misspelt `dry_run` must not be taken for a look that mends.
    model_config = ConfigDict(extra="forbid", strict=True)

    scheduled_time: str | None = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _is_one_of_the_two(self) -> "_Event":
        if (self.scheduled_time is None) == (not self.dry_run):
            raise ValueError("give either scheduled_time or dry_run: true")
        return self


def parse_event(body: str) -> bool:
    """Return whether to mend and to tell: `{"scheduled_time": "..."}` does, `{"dry_run": true}` does not.

    The scheduled time only tells who asks. Raise InvalidInputError for anything else.
    """
    try:
        event = _Event.model_validate_json(body)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'body'}: {p['msg']}" for p in error.errors(include_input=False))
        raise InvalidInputError(
            "read watchdog event", "watchdog message", problems, "The schedule sends scheduled_time (template.yaml)."
        ) from None
    return not event.dry_run
