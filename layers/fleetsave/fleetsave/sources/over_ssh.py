"""A game server that is reached over SSH: its databases through SQLite on the server, its folders by the on-server script."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from fleetsave.model.archives import ArchiveOrder
from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.sources.base import Capture, LiveArchive
from fleetsave.sources.files.over_script import archive_by_script
from fleetsave.sources.files.over_sftp import archive_over_sftp
from fleetsave.sources.files.refusals import archive_refusal
from fleetsave.sources.sqlite import source
from fleetsave.sources.sqlite.remote_python import NoPythonError
from fleetsave.transports.ssh import SshTransport


class SshSource:
    """The port `ServerSource` over a transport, which is its own from now on."""

    def __init__(self, transport: SshTransport, server: Server) -> None:
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
        """Remove older frozen snapshots, and return their names; an account with SFTP alone has left none."""
        if not self._transport.can_execute:
            return []
        return source.sweep(self._transport, self._server, older_than=older_than)

    @contextmanager
    def open_archive(self, order: ArchiveOrder, should_stop: Callable[[], bool]) -> Iterator[LiveArchive]:
        """Lend an archive made on the server, or here of what SFTP gives where no Python can be run there."""
        with ExitStack() as stack:
            yield self._opened(stack, order, should_stop)

    def _opened(self, stack: ExitStack, order: ArchiveOrder, should_stop: Callable[[], bool]) -> LiveArchive:
        if self._transport.can_execute:
            try:
                return stack.enter_context(archive_by_script(self._transport, self._server, order, should_stop))
            except NoPythonError as error:
                if order.databases:
                    raise archive_refusal(order.source_path, "no_tools", f"{error} cannot be run there") from None
        return stack.enter_context(archive_over_sftp(self._transport, order, should_stop))

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()
