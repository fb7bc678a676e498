"""Where a recovery stands on the server, read from its catalog alone: which of its databases are there, and under which names.

The new database carries a comment that nothing else has: by it and by its name a later run knows it again, wherever an earlier
one was killed. Comments of databases are no part of a dump.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.postgres.names import identifier, literal
from fleetsave.sources.postgres.facts import Connection
from fleetsave.sources.postgres.recovery_names import kept_name, new_name

_BEGUN = "being restored"
_WHOLE = re.compile(r"restored, ([0-9]+) bytes, sha256 ([0-9a-f]{64})")
_ANYBODYS = "fleetsave: recovery "

_DATABASES = """
SELECT datname, oid, shobj_description(oid, 'pg_database'), datallowconn FROM pg_database WHERE datname = ANY(%s)"""


@dataclass(frozen=True)
class Names:
    """The names of one recovery's databases: where it leads to, the new one until then, the old one from then on."""

    live: str
    new: str
    kept: str
    marker: str

    @classmethod
    def of(cls, database: str, recovery_id: RecoveryId, asked_at: datetime) -> "Names":
        """Return the names for a recovery to `database` that was asked for at a time."""
        moment = asked_at.astimezone(UTC).isoformat(timespec="milliseconds")
        marker = f"{_ANYBODYS}{recovery_id} of {moment}, "
        return cls(database, new_name(database, recovery_id), kept_name(database, asked_at), marker)


@dataclass(frozen=True)
class Found:
    """One database on the server."""

    name: str
    oid: int
    comment: str | None
    allows_connections: bool


@dataclass(frozen=True)
class Standing:
    """What is there of a recovery; None for what is not. `ours` is the new database, under whichever name it is by now."""

    live: Found | None
    kept: Found | None
    ours: Found | None
    in_the_way: Found | None
    whole: tuple[int, str] | None

    @property
    def is_swapped(self) -> bool:
        """Tell whether the new database has taken its place."""
        return self.ours is not None and self.live == self.ours


def read(connection: Connection, names: Names) -> Standing:
    """Look at the server's catalog. Raise psycopg.Error."""
    rows = connection.execute(_DATABASES, ([names.live, names.new, names.kept],)).fetchall()
    found = {name: Found(name, oid, comment, allows) for name, oid, comment, allows in rows}
    live, new = found.get(names.live), found.get(names.new)
    ours = next((one for one in (new, live) if one and one.comment and one.comment.startswith(names.marker)), None)
    match = _WHOLE.fullmatch(ours.comment.removeprefix(names.marker)) if ours and ours.comment else None
    in_the_way = new if new is not None and new != ours else None
    return Standing(live, found.get(names.kept), ours, in_the_way, (int(match[1]), match[2]) if match else None)


def mark_begun(connection: Connection, names: Names) -> None:
    """Mark the new database as this recovery's, and not whole yet."""
    set_comment(connection, names.new, names.marker + _BEGUN)


def mark_whole(connection: Connection, names: Names, size: int, sha256: str) -> None:
    """Mark the new database as holding all of a dump of `size` bytes."""
    set_comment(connection, names.new, f"{names.marker}restored, {size} bytes, sha256 {sha256}")


def own_comment(kept: Found | None) -> str | None:
    """Return the comment that the old database had, which the new one takes over; a mark of ours is none."""
    comment = kept.comment if kept else None
    return None if comment is None or comment.startswith(_ANYBODYS) else comment


def set_comment(connection: Connection, database: str, comment: str | None) -> None:
    """Set or take away a database's comment."""
    text = "NULL" if comment is None else literal(comment)
    connection.execute(f"COMMENT ON DATABASE {identifier(database)} IS {text}".encode())
