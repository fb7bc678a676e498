"""What stands at the target, and whether a recovery can work there; nothing is written."""

import os
import platform
import sqlite3
from contextlib import closing
from typing import Any

from fleetsave.sources.sqlite.server_side.content import begin_reading, schema_of, schema_sha256
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request, Source, connect, explain
from fleetsave.sources.sqlite.server_side.processes import users_of
from fleetsave.sources.sqlite.server_side.snapshot import page_size_of
from fleetsave.sources.sqlite.server_side.soundness import READ_ONLY, require_backup, way_to_look
from fleetsave.sources.sqlite.server_side.target import Target
from fleetsave.sources.sqlite.server_side.workplace import MARKER, Workplace

LOCK_WAIT_SECONDS = 20
SPARE_ROOM = 16 << 20
HOT_JOURNAL = "a program died while it wrote; SQLite takes its last transaction back as soon as the swap opens the database"


def survey(request: Request, target: Target, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Return everything that is decided by. Raise RefusedError if this server or account cannot do it at all.

    Only a database whose program crashed is left with a -shm, as every reader leaves one.
    """
    require_backup()
    if not place.has(MARKER):
        require_free_place(target)
    users = users_of(target.files())  # before SQLite opens it, since this opens and closes the files
    found = look_at(target, deadline)
    room = os.statvfs(target.folder)
    live = sum(os.lstat(path).st_size for path in target.files()[:2])
    found.update(size=live, open_by=users, runtime=f"python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    found.update(room_free=room.f_bavail * room.f_frsize)
    found.update(room_needed=max(0, room_for(request.size, live) - place.used()))
    return found


def room_for(copy: int, live: int) -> int:
    """Return how many bytes of the target's disk a recovery takes at most.

    The copy, and what is there, kept to roll back to; then either the journal or -wal that the one transaction writes, which
    holds every page of the larger of the two, or the new file that takes the old one's place. A tenth for indexes of the
    -wal and the file system's own, and something for records.
    """
    return (copy + live + max(copy, live)) * 11 // 10 + SPARE_ROOM


def require_free_place(target: Target) -> None:
    """Raise RefusedError if a file that is to be new would come to lie on or beside something."""
    if not target.is_new:
        return
    if target.exists:
        raise RefusedError("target_exists", "something is there already, and the fleet file does not name it as a database")
    if target.stale_sidecars():
        raise RefusedError("stale_sidecars", f"{', '.join(target.stale_sidecars())} of another database lies there")


def look_at(target: Target, deadline: Deadline) -> "dict[str, Any]":
    """Return the target's state, journal mode, page size and schema."""
    found = {"target_state": "healthy", "journal_mode": None, "page_size": None}  # type: dict[str, Any]
    found.update(schema_sha256=None, notes=[])
    if not target.exists:
        stale = target.stale_sidecars()
        notes = [f"{', '.join(stale)} lies there without its database, and is set aside"] if stale else []
        return dict(found, target_state="missing", notes=notes)
    try:
        source = Source(os.fsdecode(target.path))
    except RefusedError as error:
        states = {"empty": "empty", "not_a_database": "foreign"}
        if error.reason not in states:
            raise
        return dict(found, target_state=states[error.reason], notes=[error.cause])
    with open(target.path, "rb") as file:
        found.update(page_size=page_size_of(file.read(100)), journal_mode="wal" if source.is_wal else "rollback")
    deadline.narrow(LOCK_WAIT_SECONDS, "locked")
    try:
        found.update(_look_inside(source, deadline))
    except sqlite3.Error as error:
        found.update(_verdict(explain(error, source)))
    deadline.widen()
    return found


def _look_inside(source: Source, deadline: Deadline) -> "dict[str, Any]":
    before, options = source.state(), way_to_look(source.path)
    try:
        seen = _read_schema(source, deadline, options)
    except sqlite3.Error:
        if source.state() == before:
            raise
        seen = None
    if seen is None or (options != READ_ONLY and source.state() != before):
        seen = _read_schema(source, deadline, READ_ONLY)  # a program has opened it meanwhile, so its sidecars are there
    return seen


def _read_schema(source: Source, deadline: Deadline, options: str) -> "dict[str, Any]":
    with closing(connect(source.path, deadline, options)) as connection:
        if not begin_reading(connection, deadline):
            return {"target_state": "empty", "notes": ["it has no tables"]}
        return {"schema_sha256": schema_sha256(schema_of(connection))}


def _verdict(refused: RefusedError) -> "dict[str, Any]":
    """Return what SQLite's refusal says of the state; raise it if it says nothing of it."""
    if refused.reason in ("damaged", "not_a_database"):
        return {"target_state": "damaged", "notes": [refused.cause]}
    if refused.reason == "hot_journal":
        return {"notes": [HOT_JOURNAL]}
    raise refused
