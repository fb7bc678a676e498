"""The event of the watchdog: its schedule's message, or a dry look that a person asked for."""

from pydantic import TypeAdapter

from fleetsave.model.messages import RunMessage, read_message

_MESSAGE = TypeAdapter(RunMessage)


def parse_event(body: str) -> bool:
    """Return whether to mend and to tell: `{"scheduled_time": "..."}` does, `{"dry_run": true}` does not.

    Raise InvalidInputError for anything else.
    """
    message = read_message(_MESSAGE, body, "watchdog event", "watchdog", "The schedule sends scheduled_time (template.yaml).")
    return not message.dry_run
