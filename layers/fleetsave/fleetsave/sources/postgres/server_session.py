"""A session with the server that is restored to: from a database beside the one in question, and one run at a time."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import psycopg

from fleetsave.model.errors import CaptureError
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.postgres.login import Login
from fleetsave.sources.postgres.facts import Connection
from fleetsave.sources.postgres.restore_refusals import of_connection, of_database_error, of_login, restore_refusal

OpenLogin = Callable[[str], AbstractContextManager[Login]]
"""From a database's name to a login of the account for restoring, which has just been let in."""

_LOCK = 0x666C7376
"""The first half of our advisory lock's number; the second is the recovery's."""

_SETTINGS = {
    "statement_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_read_only": "off",
    "search_path": "pg_catalog",
    # A function that was frozen, or whose network is cut, must not hold locks for the two hours that are usual.
    "idle_in_transaction_session_timeout": "10s",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}


@dataclass(frozen=True)
class Session:
    """A connection of our own to one database, and the login for others of the same server."""

    login: Login
    connection: Connection


class ServerSessions:
    """Opens sessions for one recovery; what the server answers comes out as RestoreError, about `target`.

    `lock_timeout` in seconds.
    """

    def __init__(
        self, open_login: OpenLogin, maintenance: str, target: str, recovery_id: RecoveryId, lock_timeout: float
    ) -> None:
        self._open_login = open_login
        self._maintenance = maintenance
        self._target = target
        self._number = recovery_id.number
        self._lock_timeout = lock_timeout

    @contextmanager
    def beside(self) -> Iterator[Session]:
        """Lend a session with the maintenance database. Raise RestoreError, TransportError or ConfigurationError."""
        try:
            with self._open_login(self._maintenance) as login, self.to(login, self._maintenance) as session:
                yield session
        except CaptureError as error:
            raise of_login(self._target, error) from None

    @contextmanager
    def alone(self) -> Iterator[Session]:
        """Lend the like while no other run of this recovery has it. Raise RestoreError, `busy` if one has."""
        with self.beside() as session:
            row = session.connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (_LOCK, self._number)).fetchone()
            if row is None or not row[0]:
                raise restore_refusal(self._target, "busy", "another run of this recovery is at work there")
            yield session

    @contextmanager
    def to(self, login: Login, database: str) -> Iterator[Session]:
        """Lend a session with another database of the same server. Raise RestoreError."""
        own = login.to(database)
        try:
            connection = own.connect(autocommit=True)
        except psycopg.Error as error:
            raise of_connection(own, self._target, error) from None
        try:
            with connection:
                for name, value in _SETTINGS.items():
                    connection.execute("SELECT set_config(%s, %s, false)", (name, value))
                connection.execute("SELECT set_config('lock_timeout', %s, false)", (f"{round(self._lock_timeout * 1000)}ms",))
                yield Session(own, connection)
        except psycopg.Error as error:
            raise of_database_error(own, self._target, error) from None
