"""A restored database that nobody vouches for: opened read-only, nothing in it trusted, every statement under a deadline."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from fleetsave.model.errors import VerificationError

Row = tuple[str | int | float | bytes | None, ...]

_MEMORY_MAP = 2 << 30
"""Bytes mapped at most; mapping halves the time of integrity_check and takes only page cache."""

_INSTRUCTIONS = 10_000
"""SQLite's instructions between two looks at the clock."""

_INTERRUPT_AGAIN = 0.1
"""Seconds between interrupts: one that meets no statement has no effect."""

_INTERRUPTED = "interrupted"
"""What SQLite says when it was told to stop, which only our deadline does."""

_ALLOWED = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
_PRAGMAS = ("integrity_check", "foreign_key_check")
_LACKING = ("no such collation sequence", "no such function", "unknown function", "no such module", "unsupported file format")


class RestoredDatabase:
    """One connection to a restored file, and the time that all its statements have together."""

    def __init__(self, connection: sqlite3.Connection, name: str, *, seconds: float, deadline: float) -> None:
        self._connection = connection
        self._name = name
        self._seconds = max(seconds, 0)
        self._deadline = deadline
        connection.set_progress_handler(self._is_late, _INSTRUCTIONS)

    def query(self, sql: str, *, limit: int) -> list[Row]:
        """Return the first `limit` rows of one reading statement.

        Raise sqlite3.Error for what SQLite refuses, VerificationError when the time for all statements is used up.
        """
        if self._is_late():
            raise self._too_slow()
        try:
            cursor = self._connection.execute(sql)
            try:
                rows: list[Row] = cursor.fetchmany(limit)
            finally:
                cursor.close()
        except sqlite3.OperationalError as error:
            if self._is_late() or str(error) == _INTERRUPTED:
                raise self._too_slow() from None
            raise
        except (sqlite3.Warning, ValueError) as error:  # two statements in one, or text that is no SQL at all
            raise sqlite3.ProgrammingError(str(error)) from error
        return rows

    def _is_late(self) -> bool:
        return time.monotonic() >= self._deadline

    def _too_slow(self) -> VerificationError:
        return VerificationError(
            "check restored database", self._name, f"its checks took longer than {self._seconds:.0f} s",
            "Give the verify function more memory, which brings more CPU, or make the owner's checks cheaper.",
        )  # fmt: skip


@contextmanager
def open_restored(path: Path, *, seconds: float) -> Iterator[RestoredDatabase]:
    """Open a restored file with `mode=ro` and `immutable=1`: no lock, no sidecar file, no recovery.

    `seconds` bounds all its statements together. Raise sqlite3.Error if SQLite cannot open it.
    """
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, cached_statements=0)) as connection:
        # Bytes that are no UTF-8 are damage to report, not a reason to stop reporting.
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        for setting in ("trusted_schema=OFF", "cell_size_check=ON", "query_only=ON", f"mmap_size={_MEMORY_MAP}"):
            connection.execute(f"PRAGMA {setting}")
        connection.set_authorizer(_authorize)
        deadline = time.monotonic() + seconds
        with _interrupted_from(deadline, connection):
            yield RestoredDatabase(connection, path.name, seconds=seconds, deadline=deadline)


@contextmanager
def _interrupted_from(deadline: float, connection: sqlite3.Connection) -> Iterator[None]:
    """Interrupt whatever runs from the deadline on: inside integrity_check older SQLite never looks at the progress handler."""
    done = threading.Event()

    def watch() -> None:
        pause = max(deadline - time.monotonic(), 0)
        while not done.wait(pause):
            connection.interrupt()
            pause = _INTERRUPT_AGAIN

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def is_lacking(error: sqlite3.Error) -> bool:
    """Tell whether an error means that our SQLite lacks what the database needs, rather than that the database is bad."""
    return str(error).startswith(_LACKING)


def _authorize(action: int, first: str | None, second: str | None, _schema: str | None, _trigger: str | None) -> int:
    """Allow reading and the two checks; neither attaching files nor loading code nor any other pragma."""
    allowed = (
        action in _ALLOWED
        or (action == sqlite3.SQLITE_FUNCTION and second != "load_extension")
        or (action == sqlite3.SQLITE_PRAGMA and first in _PRAGMAS)
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
