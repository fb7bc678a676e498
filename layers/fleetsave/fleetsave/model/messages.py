"""The messages of queues as they are read: what does not fit is refused, with every field that is wrong and no value of any."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from fleetsave.model.errors import InvalidInputError

Form = TypeVar("Form")


def read_message(form: TypeAdapter[Form], body: str, what: str, queue: str, hint: str) -> Form:
    """Read the body of a queue's message. Raise InvalidInputError, with `hint`, if it is not of that form."""
    try:
        return form.validate_json(body)
    except ValidationError as error:
        raise InvalidInputError(f"read {what}", f"{queue} message", problems_of(error), hint) from None


def problems_of(error: ValidationError) -> str:
    """Return which fields are wrong and how, without what stands in them."""
    found = error.errors(include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in found)


class RunMessage(BaseModel):
    """What makes a function do its whole work: its schedule's message, or a person's wish for a dry run.

    A misspelt `dry_run` is refused, for it must not be taken for a real run. The scheduled time only tells who asks.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    scheduled_time: str | None = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _is_one_of_the_two(self) -> "RunMessage":
        if (self.scheduled_time is None) == (not self.dry_run):
            raise ValueError("give either scheduled_time or dry_run: true")
        return self
