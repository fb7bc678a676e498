"""The ways to a consistent snapshot, best first; each takes over only where the one before cannot work at all."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from fleetsave.model.errors import CaptureError
from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.sources.base import Capture
from fleetsave.sources.sqlite import command_line, held, hot_journal
from fleetsave.sources.sqlite.frozen import FrozenCapture
from fleetsave.sources.sqlite.posix_staging import PosixStaging
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.sources.sqlite.remote_python import NoPythonError, RemotePython, capture_request
from fleetsave.sources.sqlite.replies import FrozenSnapshot
from fleetsave.sources.sqlite.shell import Shell
from fleetsave.transports.base import Transport

_NO_ROOM = ("disk_full", "no_staging")


class Ladder:
    """The ways to one server. `target` names what is captured, in errors."""

    def __init__(self, transport: Transport, server: Server, target: str) -> None:
        if not transport.can_execute:
            raise refusal(target, "sftp_only", "a live database cannot be copied safely over SFTP alone")
        self._transport = transport
        self._server = server
        self._python = RemotePython(transport, server, target)
        self._shell = Shell(transport, target)

    def capture(self, database: SqliteDatabase, source_path: str, name: str, scratch: Path) -> Capture:
        """Take a snapshot: Python's backup, else VACUUM INTO, else a held transaction. Raise CaptureError."""
        try:
            reply = self._python.call("snapshot", name=name, **capture_request(database, source_path))
        except NoPythonError as error:
            return self._by_command_line(database, source_path, name) or self._refuse_without_tools(error)
        except CaptureError as error:
            return self._otherwise(error, database, source_path, name, scratch)
        return self._frozen(reply, name)

    def resume(self, name: str) -> Capture | None:
        """Return an earlier snapshot that is there whole."""
        try:
            reply = self._python.call("find", name=name)
        except NoPythonError:
            reply = self._staging().find(name)
        return None if reply is None else self._frozen(reply, name)

    def drop(self, name: str) -> None:
        """Remove a snapshot; removing twice is no error."""
        try:
            self._python.call("drop", name=name)
        except NoPythonError:
            self._staging().drop(name)

    def sweep(self, older_than: timedelta) -> list[str]:
        """Remove older snapshots and return their names."""
        try:
            removed = self._python.call("sweep", older_than=older_than / timedelta(seconds=1))
        except NoPythonError:
            return self._staging().sweep(older_than)
        if not isinstance(removed, list):
            raise refusal(self._shell.target, "bad_reply", "what it removed is no list")
        return [str(name) for name in removed]

    def _otherwise(self, error: CaptureError, database: SqliteDatabase, source_path: str, name: str, scratch: Path) -> Capture:
        if error.reason == "hot_journal":
            return hot_journal.capture(self._transport, self._python, database, source_path, scratch)
        if error.reason == "no_snapshot_method":
            frozen = self._by_command_line(database, source_path, name)
            if frozen is not None:
                return frozen
        elif error.reason not in _NO_ROOM:
            raise error
        return held.capture(self._transport, self._python, database, source_path, scratch, because=error.cause)

    def _by_command_line(self, database: SqliteDatabase, source_path: str, name: str) -> Capture | None:
        version = command_line.version_of(self._shell)
        if version is None:
            return None
        staging = self._staging(make=True)
        reply = command_line.take_snapshot(self._shell, staging, database, source_path, name, version=version)
        return self._frozen(reply, name)

    def _refuse_without_tools(self, error: NoPythonError) -> Capture:
        cause = f"{error} cannot be run there, and there is no sqlite3 program of version 3.27 or later"
        raise refusal(self._shell.target, "no_tools", cause) from None

    def _frozen(self, reply: Any, name: str) -> Capture:
        path = self._python.require(FrozenSnapshot, reply)["path"]
        report = self._python.report(reply, sha256_origin="source")
        return FrozenCapture(self._transport, report, path, drop=lambda: self.drop(name))

    def _staging(self, *, make: bool = False) -> PosixStaging:
        return PosixStaging(self._shell, self._server.staging, make=make)
