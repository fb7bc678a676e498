"""The event of prune: the daily run, or a dry run that a person asked for."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import AwareDatetime, TypeAdapter, model_validator

from fleetsave.model.messages import RunMessage, read_message


@dataclass(frozen=True)
class PruneRequest:
    """Whether to delete, and the time a dry run is to pretend."""

    execute: bool
    as_of: datetime | None


class _Message(RunMessage):
    as_of: AwareDatetime | None = None

    @model_validator(mode="after")
    def _only_a_dry_run_pretends(self) -> "_Message":
        if self.as_of is not None and not self.dry_run:
            raise ValueError("as_of goes with dry_run: true only")
        return self


_MESSAGE = TypeAdapter(_Message)


def parse_event(body: str) -> PruneRequest:
    """Read `{"scheduled_time": "..."}` or `{"dry_run": true, "as_of": "..."}`.

    Raise InvalidInputError for anything else, an unknown or misspelt key included.
    """
    message = read_message(_MESSAGE, body, "prune event", "prune", "The schedule sends scheduled_time (template.yaml).")
    return PruneRequest(not message.dry_run, message.as_of)
