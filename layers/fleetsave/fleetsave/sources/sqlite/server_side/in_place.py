"""The swap through SQLite: one transaction on the live database, which programs that have it open live through.

However this process ends, SQLite keeps the database old or new: what was not committed is taken back by whoever opens it
next. Nothing of the live database is opened here but by SQLite, or the lock would be lost.
"""

import json
import sqlite3
from contextlib import closing
from typing import Any

from fleetsave.sources.sqlite.server_side.content import ask_often, begin_reading, fingerprint
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, connect
from fleetsave.sources.sqlite.server_side.snapshot import STEP_PAGES, page_size_of
from fleetsave.sources.sqlite.server_side.soundness import AS_IT_LIES
from fleetsave.sources.sqlite.server_side.target import Target
from fleetsave.sources.sqlite.server_side.workplace import BEFORE, BEFORE_PARTIAL, Workplace, is_out_of_room

FOR_WRITING = "?mode=rw"
LOCK_TRY_MILLISECONDS = 50
"""How long one try waits with the next readers held back, so that those there can end."""
BETWEEN_TRIES_SECONDS = 0.001
"""A busy writer leaves gaps of a millisecond; SQLite's own waiting, and Python's quarter of a second, miss them for seconds."""
TRUNCATE_MILLISECONDS = 100
UNDER_WAY, DONE = 0, 101
"""What SQLite says after a step that wrote, and after the last; all else means that the lock is not to be had yet."""


class NothingChangedError(RefusedError):
    """The transaction surely was not committed."""


def keep_before(target: Target, place: Workplace, deadline: Deadline) -> None:
    """Keep what is in the live database, for `roll_back`; a hot journal is rolled back first, as the game would."""
    place.discard(BEFORE_PARTIAL)
    with closing(connect(target.path, deadline, FOR_WRITING)) as live:
        begin_reading(live, deadline)
        with closing(connect(place.file(BEFORE_PARTIAL), deadline, "")) as before:
            before.execute("PRAGMA journal_mode=OFF")
            before.execute("PRAGMA synchronous=OFF")
            live.backup(before, pages=STEP_PAGES, progress=deadline.check)
        live.execute("ROLLBACK")
    place.publish(BEFORE_PARTIAL, BEFORE)


def journal_mode_of(target: Target, deadline: Deadline) -> "tuple[str, int]":
    """Return the live database's journal mode and page size."""
    with closing(connect(target.path, deadline, FOR_WRITING)) as live:
        begin_reading(live, deadline)
        (mode,) = live.execute("PRAGMA journal_mode").fetchone()
        (page_size,) = live.execute("PRAGMA page_size").fetchone()
        live.execute("ROLLBACK")
        return mode, page_size


def fit_copy(path: bytes, live_mode: str, live_page_size: int, deadline: Deadline) -> None:
    """Give the copy the live database's journal mode: backup() copies page 1, and the journal mode with it.

    Otherwise the restore would silently turn a rollback-journal database into a WAL one. Raise RefusedError for a WAL
    database of another page size: SQLite cannot change that under WAL.
    """
    with open(path, "rb") as file:
        header = file.read(100)
    if live_mode == "wal" and page_size_of(header) != live_page_size:
        cause = f"it is a WAL database with pages of {live_page_size} bytes, and the copy's have {page_size_of(header)}"
        raise RefusedError("page_size_differs", cause)
    if (header[18:20] == b"\2\2") == (live_mode == "wal"):
        return
    wanted = "wal" if live_mode == "wal" else "delete"
    with closing(connect(path, deadline, FOR_WRITING)) as copy:
        (mode,) = copy.execute(f"PRAGMA journal_mode={wanted}").fetchone()
    if mode != wanted:
        raise RefusedError("sqlite_error", f"the copy's journal mode stays {mode}")


def write_through(path: bytes, target: Target, checks: "dict[str, str]", deadline: Deadline) -> "dict[str, Any]":
    """Make the live database what the file at `path` is, and compare. Raise NothingChangedError if it surely stayed as it was.

    Equal fingerprints prove it. If they differ, `data_version` tells whether another connection has committed since it
    was looked at first: if none has, the restore went wrong; if one has, only the schema can be compared.
    """
    with closing(connect(path, deadline, AS_IT_LIES)) as copy, closing(connect(target.path, deadline, FOR_WRITING)) as live:
        begin_reading(copy, deadline)
        expected = json.loads(json.dumps(fingerprint(copy, checks)))
        copy.execute("ROLLBACK")
        version = _data_version(live, deadline)
        _write(copy, live, deadline)
        begin_reading(live, deadline)
        found = json.loads(json.dumps(fingerprint(live, checks)))
        (compared,) = live.execute("PRAGMA data_version").fetchone()
        (mode,) = live.execute("PRAGMA journal_mode").fetchone()
        live.execute("ROLLBACK")
        moved_on = found != expected
        if moved_on and (compared == version or found["schema_sha256"] != expected["schema_sha256"]):
            raise RefusedError("not_equal", _difference(expected, found))
        if mode == "wal":
            _empty_wal(live)
        # What is noted here is a state whose content was compared, unless somebody has committed since.
        state = target.state()
        return {"fingerprint": found, "moved_on": moved_on, "state": state if _data_version(live, deadline) == compared else None}


def _data_version(connection: sqlite3.Connection, deadline: Deadline) -> int:
    begin_reading(connection, deadline)  # which finds the gaps that a busy writer leaves
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    connection.execute("ROLLBACK")
    return int(version)


def _write(copy: sqlite3.Connection, live: sqlite3.Connection, deadline: Deadline) -> None:
    # As FULL, and the journal's removal is made to last as well. It reads the schema, and so needs a lock.
    ask_often(live, deadline, "PRAGMA synchronous=EXTRA")
    live.execute(f"PRAGMA busy_timeout={LOCK_TRY_MILLISECONDS}")

    def progress(status: int, _remaining: int, _total: int) -> None:
        if status == DONE or not deadline.passed():  # once it is done it is committed, and late is no failure
            return
        if status == UNDER_WAY:
            raise NothingChangedError("deadline", f"it was not written within {deadline.limit:g} s")
        raise NothingChangedError("locked", f"there was no moment within {deadline.limit:g} s in which nobody else used it")

    try:
        copy.backup(live, pages=STEP_PAGES, progress=progress, sleep=BETWEEN_TRIES_SECONDS)
    except sqlite3.OperationalError as error:
        if not is_out_of_room(error):
            raise
        raise NothingChangedError("disk_full", str(error)) from None


def _empty_wal(live: sqlite3.Connection) -> None:
    """Move the -wal into the database and cut it, or it stays as large as the database; a busy program is no error."""
    live.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    live.execute(f"PRAGMA busy_timeout={TRUNCATE_MILLISECONDS}")
    try:
        live.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise


def _difference(expected: "dict[str, Any]", found: "dict[str, Any]") -> str:
    for what in ("schema_sha256", "row_counts", "checks"):
        if expected[what] != found[what]:
            return f"{what} of the live database is {str(found[what])[:150]}, the copy's is {str(expected[what])[:150]}"
    return "the live database differs from the copy"
