"""What a plan says to a person of a SQLite database: the steps, and what to mind."""

from collections.abc import Iterator

from fleetsave.model.fingerprints import Fingerprint
from fleetsave.model.history import Backup, State
from fleetsave.planning.newest import Newest
from fleetsave.planning.target import Target


def steps(size: int, target: Target) -> Iterator[str]:
    """Yield what will be done, in order; `size` is the database's."""
    yield f"look at {target.path} on {target.server_id}: room, permissions, journal mode, who has it open"
    if target.artifact_id is not None:
        yield f"back up what is there now as {target.artifact_id.safety}, and wait until that is verified"
    yield f"upload {size} bytes beside it, their SHA-256 checked on the way and on the server"
    yield "check the copy on the server: integrity, rows and schema as they were at the capture"
    if target.artifact_id is None:
        yield "rename the copy into place, never over anything"
        return
    if target.before is not None:
        yield f"stop: {target.before}"
    yield "restore through SQLite in one transaction; a damaged database is set aside and replaced instead"
    if target.after is not None:
        yield f"start: {target.after}"
    yield "check it where it lives; roll back by itself if anything is wrong"


def warnings(backup: Backup, fingerprint: Fingerprint | None, target: Target, newest: Newest | None) -> Iterator[str]:
    """Yield what a person should know before agreeing."""
    if backup.state is not State.VERIFIED:
        yield f"the backup is {backup.state}, not verified: it was asked for all the same"
    if fingerprint is None:
        yield "the capture took no fingerprint: rows cannot be compared with those at the source"
    if target.artifact_id is None:
        return
    if target.before is None:
        yield "no stop command is configured: what the game keeps in memory may be written over the restored state"
    if newest is not None and newest.key.slot > backup.key.slot:
        yield f"there is a newer verified backup: {newest.key}"
    if newest is not None and not newest.has_schema_of(fingerprint):
        yield "its schema is not that of the newest verified backup; if the server's differs too, allow_schema_change is needed"
