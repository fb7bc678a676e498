"""The exit codes of the command line: a contract with the scripts that call it (docs/command-line.md)."""

from enum import IntEnum

from fleetsave.cli.confirm import NotConfirmedError
from fleetsave.model.errors import (
    ConfigurationError,
    FleetsaveError,
    InvalidInputError,
    ObjectNotFoundError,
    PruneRefusedError,
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
    INTERRUPTED = 130


_MEANINGS: tuple[tuple[type[FleetsaveError], Exit], ...] = (
    (NotConfirmedError, Exit.REFUSED),
    (PruneRefusedError, Exit.REFUSED),
    (InvalidInputError, Exit.USAGE),
    (ConfigurationError, Exit.USAGE),
    (ObjectNotFoundError, Exit.NOT_FOUND),
    (StoreError, Exit.STORE),
    (FleetsaveError, Exit.FAILED),
)


def exit_of(error: FleetsaveError) -> Exit:
    """Return the exit code of an error; the first kind that fits counts."""
    return next(code for kind, code in _MEANINGS if isinstance(error, kind))
