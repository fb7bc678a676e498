"""A game server that is reached over SSH: its databases through SQLite on the server, its folders by the on-server script."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

from fleetsave.model.archives import ArchiveOrder
from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.sources.base import Capture, LiveArchive
from fleetsave.sources.sqlite import source
from fleetsave.transports.base import Transport


class SshSource:
    """The port `ServerSource` over a transport, which is its own from now on."""

    def __init__(self, transport: Transport, server: Server) -> None:
        self._transport = transport
        self._server = server

    def expand(self, database: SqliteDatabase) -> list[str]:
        """Return the paths a configured database means, sorted."""
        return source.expand(self._transport, database)

    def capture(self, database: SqliteDatabase, source_path: str, name: str, *, scratch: Path) -> Capture:
        """Take a consistent snapshot of a live database under `name`."""
        return source.capture(self._transport, self._server, database, source_path, name, scratch=scratch)

    def resume(self, name: str) -> Capture | None:
        """Return the frozen snapshot of an earlier run."""
        return source.resume(self._transport, self._server, name)

    def sweep(self, *, older_than: timedelta) -> list[str]:
        """Remove older frozen snapshots, and return their names."""
        return source.sweep(self._transport, self._server, older_than=older_than)

    def open_archive(self, order: ArchiveOrder, should_stop: Callable[[], bool]) -> AbstractContextManager[LiveArchive]:
        """Lend an archive that is being made on the server."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()
