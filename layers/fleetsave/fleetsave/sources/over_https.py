"""A game server reached over HTTPS: everything is asked of the agent that runs on it (docs/agent.md)."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

from fleetsave.model.archives import ArchiveOrder
from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.sources.base import Capture, LiveArchive
from fleetsave.transports.https import HttpsConnection


class HttpsSource:
    """The port `ServerSource` over an agent."""

    def __init__(self, connection: HttpsConnection, server: Server) -> None:
        self._connection = connection
        self._server = server

    def expand(self, database: SqliteDatabase) -> list[str]:
        """Return the paths a configured database means, sorted; only a glob asks the agent."""
        raise NotImplementedError

    def capture(self, database: SqliteDatabase, source_path: str, name: str, *, scratch: Path) -> Capture:
        """Let the agent take a snapshot under `name`; one of that name and path is returned as it is."""
        raise NotImplementedError

    def resume(self, name: str) -> Capture | None:
        """Return the frozen snapshot of an earlier run, None if it is not there whole."""
        raise NotImplementedError

    def sweep(self, *, older_than: timedelta) -> list[str]:
        """Let the agent remove the frozen snapshots that are older; return their names."""
        raise NotImplementedError

    def open_archive(self, order: ArchiveOrder, should_stop: Callable[[], bool]) -> AbstractContextManager[LiveArchive]:
        """Lend an archive that the agent is making; `should_stop` tells that the time is up."""
        raise NotImplementedError

    def close(self) -> None:
        """Close whatever is open; closing twice is no error."""
        self._connection.close()
