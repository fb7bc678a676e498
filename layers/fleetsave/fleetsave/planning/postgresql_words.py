"""What a plan says to a person of a PostgreSQL database: the steps, what to mind, and the rows of its tables now and then."""

from collections.abc import Iterator

from fleetsave.model.history import Backup, State
from fleetsave.model.records import StoredRecord
from fleetsave.model.recovery_records import TableRows
from fleetsave.planning.newest import Newest
from fleetsave.planning.target import Target
from fleetsave.sources.postgres.recovery_names import NEW, with_suffix


def steps(stored: StoredRecord, target: Target) -> Iterator[str]:
    """Yield what will be done, in order."""
    name = target.path
    yield (
        f"look at the database {name} on {target.server_id}: rights, version, extensions, roles, who is connected, and the rows "
        "of every table now and in the backup; until the swap it can still be cancelled"
    )
    if target.artifact_id is not None:
        yield f"back up what is there now as {target.artifact_id.safety}, and wait until that is verified"
    yield f"take all {stored.plain_size} bytes and check their SHA-256, before the server is given any of them"
    yield f"restore them into a new database, {with_suffix(name, NEW)}..., in one transaction"
    yield "check the new database: rows, indexes, constraints, sequences, and its own dump, table by table, against the backup"
    if target.artifact_id is None:
        yield f"rename it to {name}, never over anything"
        return
    yield (
        f"close the connections to {name}, and in one transaction rename it to {_kept(name)}, where it is kept, and the new one "
        f"to {name}"
    )
    yield "check it where it lives; rename both back by itself if anything is wrong"


def warnings(backup: Backup, stored: StoredRecord, target: Target, newest: Newest | None) -> Iterator[str]:
    """Yield what a person should know before agreeing."""
    if backup.state is not State.VERIFIED:
        yield f"the backup is {backup.state}, not verified: it was asked for all the same"
    if stored.capture.fingerprint is None:
        yield "the capture took no fingerprint: rows can be compared with those of the dump's text alone"
    yield (
        "roles are offered, not restored: if one that the database needs is missing on the server, the recovery ends before "
        f"anything is created, and says how to make it from {stored.dump.globals.key}"
    )
    if target.artifact_id is None:
        return
    yield "every connection to the database is closed once, and applications have to connect again"
    yield f"what is written until then stays in the old database, {_kept(target.path)}: drop that when nobody wants it any more"
    if newest is not None and newest.key.slot > backup.key.slot:
        yield f"there is a newer verified backup: {newest.key}"
    if newest is not None and not newest.has_schema_of(stored.capture.fingerprint):
        yield "its tables are not all defined as in the newest verified backup"


def compare(now: dict[str, int], then: dict[str, int]) -> list[TableRows]:
    """Return every table that is there now or was there then, by name."""
    return [TableRows(table, now.get(table), then.get(table)) for table in sorted(now.keys() | then.keys())]


def _kept(name: str) -> str:
    return f"{with_suffix(name, '_before_YYYYMMDD_HHMMSS').removesuffix('YYYYMMDD_HHMMSS')}..."
