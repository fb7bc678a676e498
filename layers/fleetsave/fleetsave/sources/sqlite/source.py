"""The door to SQLite databases: which files there are, how each is named, and a capture of one.

A capture is refused by name (`fleetsave.sources.sqlite.refusals`) or consistent; nothing here ever copies a live file
without a transaction around it.
"""

from datetime import timedelta
from pathlib import Path

from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.sources.base import Capture
from fleetsave.sources.sqlite.ladder import Ladder
from fleetsave.sources.sqlite.names import artifact_name, require_match, snapshot_name
from fleetsave.sources.sqlite.owner_checks import require_selects
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.transports.base import Transport

__all__ = ["artifact_name", "capture", "expand", "require_match", "resume", "snapshot_name", "sweep"]


def expand(transport: Transport, database: SqliteDatabase) -> list[str]:
    """Return the paths a configured database means, sorted; only a glob looks at the server.

    Raise CaptureError for a file whose name cannot be written in records: left out, it would be missed by nobody.
    """
    if not database.is_glob:
        return [database.path]
    paths = transport.glob(database.path)
    for path in paths:
        if path.encode("utf-8", "replace").decode() != path:
            raise refusal(repr(path), "unsupported_name", "its name is not UTF-8 text")
    return paths


def capture(
    transport: Transport, server: Server, database: SqliteDatabase, source_path: str, name: str, *, scratch: Path
) -> Capture:
    """Take a consistent snapshot of a live database under `name`; one of that name and path is returned as it is.

    `scratch` is a folder on our side for the few databases that cannot be frozen where they are. Raise CaptureError with
    its reason, or TransportError.
    """
    require_selects(source_path, database.checks)
    return Ladder(transport, server, source_path).capture(database, source_path, name, scratch)


def resume(transport: Transport, server: Server, name: str) -> Capture | None:
    """Return the frozen snapshot of an earlier run, None if it is not there whole. Raise as `capture` does."""
    return Ladder(transport, server, name).resume(name)


def sweep(transport: Transport, server: Server, *, older_than: timedelta) -> list[str]:
    """Remove the frozen snapshots on a server that are older; return their names. Raise as `capture` does."""
    return Ladder(transport, server, server.id).sweep(older_than)
