"""Databases renamed while applications use them: all at once or not at all, and never a moment in which there is none.

PostgreSQL renames a database that nobody is connected to, and takes a lock first that makes whoever wants to connect wait. So the
renames are sent as one transaction in one message, and the sessions that are there are ended meanwhile, from a second connection:
who connects again waits until it is done, and is let in at the next try. Killed at any moment, the old name leads to the old
database or to the new one, and nothing is left closed (docs/decisions/0042).
"""

import threading
import time
from collections.abc import Iterator, Sequence

import psycopg

from fleetsave.postgres.names import identifier
from fleetsave.sources.postgres.facts import Connection
from fleetsave.sources.postgres.recovery_context import Context
from fleetsave.sources.postgres.restore_refusals import restore_refusal
from fleetsave.sources.postgres.server_session import Session

_PATIENCE = 60.0
"""Seconds that sessions get to end: one may have much to take back. PostgreSQL itself waits five of them at a time."""

_LOCK_TIMEOUT = "3s"
"""Whoever wants to connect waits behind us for as long as we wait for somebody else's lock."""

_LOOK_EVERY = 0.05

_HAS_LOCK = """
SELECT EXISTS (SELECT FROM pg_locks WHERE pid = %s AND granted AND mode = 'AccessExclusiveLock' AND locktype = 'object'
AND classid = 'pg_database'::regclass)"""

_SESSIONS = """
SELECT pid FROM pg_stat_activity WHERE datname = ANY(%s) AND pid <> ALL(%s) AND backend_type <> 'autovacuum worker'"""


def rename(context: Context, session: Session, renames: Sequence[tuple[str, str]], *, patience: float = _PATIENCE) -> None:
    """Rename databases in one transaction, one after the other, and end the sessions of all of them meanwhile.

    Raise RestoreError `still_connected`, `superuser_connected` or `prepared_transactions` with nothing renamed; psycopg.Error.
    """
    statement = "; ".join(f"ALTER DATABASE {identifier(old)} RENAME TO {identifier(new)}" for old, new in renames)
    databases = [old for old, _ in renames]
    deadline = time.monotonic() + patience
    session.connection.execute("SELECT set_config('lock_timeout', %s, false)", (_LOCK_TIMEOUT,))
    with context.sessions.to(session.login, session.login.database) as ender:
        while True:
            attempt = _Attempt(session.connection, statement)
            spared = attempt.ending_sessions(ender.connection, databases)
            if attempt.error is None:
                return
            if not isinstance(attempt.error, psycopg.errors.ObjectInUse):
                raise attempt.error
            if "prepared transaction" in str(attempt.error):
                raise restore_refusal(context.target, "prepared_transactions", str(attempt.error))
            if spared:
                cause = f"sessions of superusers hold it, pid {', '.join(map(str, spared))}"
                raise restore_refusal(context.target, "superuser_connected", cause)
            if time.monotonic() >= deadline:
                raise restore_refusal(context.target, "still_connected", str(attempt.error))


class _Attempt:
    """One try of a statement that waits for sessions to end; `error` is why it failed, None if it did not."""

    def __init__(self, connection: Connection, statement: str) -> None:
        self.error: psycopg.Error | None = None
        self._connection = connection
        self._statement = statement
        self._thread = threading.Thread(target=self._run, daemon=True)

    def ending_sessions(self, ender: Connection, databases: Sequence[str]) -> list[int]:
        """Run it, ending the databases' sessions meanwhile, and return those that we may not end."""
        own = [self._connection.info.backend_pid, ender.info.backend_pid]
        spared: set[int] = set()
        self._thread.start()
        try:
            while self._thread.is_alive():
                if self._has_lock(ender):  # before that they would be thrown out for nothing, and come back
                    spared.update(_end_sessions(ender, databases, own))
                self._thread.join(_LOOK_EVERY)
        finally:
            self._thread.join()
        return sorted(spared)

    def _has_lock(self, ender: Connection) -> bool:
        row = ender.execute(_HAS_LOCK, (self._connection.info.backend_pid,)).fetchone()
        return bool(row and row[0])

    def _run(self) -> None:
        try:
            # Without parameters it goes as one message, and all of it is one transaction, whatever becomes of us.
            self._connection.execute(self._statement.encode())
        except psycopg.Error as error:
            self.error = error


def _end_sessions(ender: Connection, databases: Sequence[str], own: Sequence[int]) -> Iterator[int]:
    """End the sessions of databases, and yield those that we may not end."""
    for (pid,) in ender.execute(_SESSIONS, (list(databases), list(own))).fetchall():
        try:
            ender.execute("SELECT pg_terminate_backend(%s)", (pid,))
        except psycopg.errors.InsufficientPrivilege:
            yield pid
