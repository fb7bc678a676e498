"""The exit codes of the command line: a contract with the scripts that call it (docs/command-line.md)."""

from enum import IntEnum

from fleetsave.cli.confirm import NotConfirmedError
from fleetsave.model.errors import (
    ApiProblemError,
    ConfigurationError,
    FleetsaveError,
    InvalidInputError,
    ObjectNotFoundError,
    PruneRefusedError,
    RecoveryRefusedError,
    StoreError,
)


class Exit(IntEnum):
    """What the process ends with."""

    OK = 0
    UNSAFE = 1
    USAGE = 2
    STORE = 3
    REFUSED = 4
    NOT_FOUND = 5
    FAILED = 6
    API = 7
    NOT_RECOVERED = 8
    UNRESOLVED = 9
    INTERRUPTED = 130


_MEANINGS: tuple[tuple[type[FleetsaveError], Exit], ...] = (
    (NotConfirmedError, Exit.REFUSED),
    (PruneRefusedError, Exit.REFUSED),
    (RecoveryRefusedError, Exit.REFUSED),
    (InvalidInputError, Exit.USAGE),
    (ConfigurationError, Exit.USAGE),
    (ObjectNotFoundError, Exit.NOT_FOUND),
    (StoreError, Exit.STORE),
    (FleetsaveError, Exit.FAILED),
)


_STATUSES = {400: Exit.USAGE, 415: Exit.USAGE, 422: Exit.USAGE, 404: Exit.NOT_FOUND, 410: Exit.NOT_FOUND, 409: Exit.REFUSED}
"""What the API's answers mean; every other status, and no answer at all, is the API's own failure."""


def exit_of(error: FleetsaveError) -> Exit:
    """Return the exit code of an error; the first kind that fits counts."""
    if isinstance(error, ApiProblemError):
        return _STATUSES.get(error.status or 0, Exit.API)
    return next(code for kind, code in _MEANINGS if isinstance(error, kind))
