"""Opening a database only to look at it, and whether it is sound."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from fleetsave.sources.sqlite.server_side.content import begin_reading, fingerprint
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, connect

READ_ONLY = "?mode=ro"
AS_IT_LIES = "?mode=ro&immutable=1"
LACKING = ("no such collation sequence", "no such function", "unknown function", "no such module", "unsupported file format")
MESSAGES = 5
INTERRUPT_AGAIN_SECONDS = 0.1


def soundness_of(connection: sqlite3.Connection, deadline: Deadline) -> "tuple[str, str]":
    """Return passed, failed or suspect, and what integrity_check says; suspect where this SQLite lacks what it would need."""
    version = sqlite3.sqlite_version
    try:
        with interrupted_at(deadline, connection):
            rows = connection.execute("PRAGMA integrity_check(100)").fetchall()
    except sqlite3.DatabaseError as error:
        if "interrupted" in str(error):
            raise
        if str(error).startswith(LACKING):
            return "suspect", f"{error}: SQLite {version} on the server cannot judge it"
        return "failed", f"SQLite: {error}"
    if rows == [("ok",)]:
        return "passed", f"integrity_check ok, SQLite {version} on the server"
    more = f"; and {len(rows) - MESSAGES} more" if len(rows) > MESSAGES else ""
    return "failed", "integrity_check: " + "; ".join(str(row[0])[:200] for row in rows[:MESSAGES]) + more


def examine(connection: sqlite3.Connection, checks: "dict[str, str]", deadline: Deadline) -> "dict[str, Any]":
    """Return soundness and fingerprint as one transaction sees them; no fingerprint of what is not sound."""
    try:
        tables = begin_reading(connection, deadline)
        outcome, detail = soundness_of(connection, deadline) if tables else ("failed", "it holds not one table")
        taken = None if outcome == "failed" else fingerprint(connection, checks)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise
        outcome, detail, taken = "failed", f"SQLite: {error}", None
    return {"integrity": outcome, "detail": detail, "fingerprint": taken}


def examine_file(path: bytes, checks: "dict[str, str]", deadline: Deadline) -> "dict[str, Any]":
    """Examine a file that nobody writes."""
    with closing(connect(path, deadline, AS_IT_LIES)) as connection:
        return examine(connection, checks, deadline)


def way_to_look(path: bytes) -> str:
    """Return the options with which looking at a live database leaves no file beside it, as far as that can be had.

    Reading a WAL database makes a -wal and a -shm, which a reader cannot remove again. Where there is no -wal, everything
    stands in the main file; what is read without a lock must then be seen not to have changed meanwhile.
    """
    with open(path, "rb") as file:
        is_wal = file.read(20)[18:20] == b"\2\2"
    return AS_IT_LIES if is_wal and not os.path.exists(path + b"-wal") and not os.path.exists(path + b"-journal") else READ_ONLY


@contextmanager
def interrupted_at(deadline: Deadline, connection: sqlite3.Connection) -> "Iterator[None]":
    """Interrupt whatever runs from the deadline on: inside integrity_check older SQLite asks nobody."""
    done = threading.Event()

    def watch() -> None:
        pause = deadline.remaining()
        while not done.wait(pause):
            connection.interrupt()
            pause = INTERRUPT_AGAIN_SECONDS

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def require_backup() -> None:
    """Raise RefusedError if this Python cannot restore through SQLite; it can from 3.7 on."""
    if not hasattr(sqlite3.Connection, "backup"):
        raise RefusedError("no_tools", "its Python is older than 3.7, and has no Connection.backup")
