"""Times as options: ISO 8601, UTC unless they say otherwise."""

from datetime import UTC, datetime

from fleetsave.model.errors import InvalidInputError


def read_moment(option: str, text: str) -> datetime:
    """Return the time that an option gives. Raise InvalidInputError if it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(
            f"read {option}", repr(text), "it is no ISO 8601 time", "For example 2024-02-01T12:00:00Z."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
