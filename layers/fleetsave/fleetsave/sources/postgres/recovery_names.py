"""The names of the databases that a recovery makes: of the new one until it takes its place, and of the old one from then on."""

from datetime import UTC, datetime

from fleetsave.model.recovery_keys import RecoveryId

NEW = "_fleetsave_"
_KEPT = "_before_"
_LONGEST_NAME = 63


def new_name(database: str, recovery_id: RecoveryId) -> str:
    """Return the name of the database that a backup is restored into."""
    return with_suffix(database, f"{NEW}{recovery_id.number:06d}")


def kept_name(database: str, asked_at: datetime) -> str:
    """Return the name that what is replaced is kept under; `asked_at` is when the recovery was asked for."""
    return with_suffix(database, f"{_KEPT}{asked_at.astimezone(UTC):%Y%m%d_%H%M%S}")


def with_suffix(database: str, suffix: str) -> str:
    """Return the name with the suffix, cut in front of it to the 63 bytes that PostgreSQL keeps of a name."""
    room = _LONGEST_NAME - len(suffix.encode())
    return database.encode()[:room].decode("utf-8", "ignore") + suffix
