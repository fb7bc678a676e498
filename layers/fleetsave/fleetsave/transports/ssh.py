"""The transport over SSH: commands where the account may run them, SFTP where it may not."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from stat import S_ISREG

from fleetsave.model.errors import AuthenticationError, HostKeyError, RemoteFileError, StalledError, TransportError
from fleetsave.model.fleet import Ssh
from fleetsave.transports.base import CommandResult, Process, RemoteFile
from fleetsave.transports.connection import Connection, Login
from fleetsave.transports.globbing import matching_files
from fleetsave.transports.process import ChannelProcess, killable_line, shell_line
from fleetsave.transports.reading import encoded_path, file_error, open_sftp, read_with_command, read_with_sftp
from fleetsave.transports.sftp import NO_SUCH_FILE, SftpSession, SftpStatusError

_ATTEMPTS = 3
_PAUSE = 0.5  # seconds before a connection is made anew, times the attempts that brought nothing
_PROBE = "fleetsave: commands run here"


class SshTransport:
    """The port `Transport` over SSH.

    `private_key` is the text of the secret that `ssh.key_secret` names. `stall_seconds` bounds every silence. A connection
    gives at most about `rotate_bytes` of files: paramiko can deadlock in the key exchange that falls due after 512 MiB (its
    issue 822), and servers with `RekeyLimit` ask for one sooner; a new connection is the exchange that cannot deadlock, and
    a read must be able to go on over a new one anyway. Commands need a login shell that follows POSIX. Raise
    ConfigurationError if the private key or a pinned host key cannot be read.
    """

    def __init__(self, ssh: Ssh, private_key: str, *, stall_seconds: float = 20, rotate_bytes: int = 128 << 20) -> None:
        self._login = Login(ssh, private_key, stall_seconds=stall_seconds)
        self._stall_seconds = stall_seconds
        self._rotate_bytes = rotate_bytes
        self._main: Connection | None = None  # carries commands and SFTP; never closed under a command that runs
        self._reading: Connection | None = None  # carries files once the main connection has given its share
        self._sftp: SftpSession | None = None
        self._can_execute: bool | None = None

    @property
    def can_execute(self) -> bool:
        """Tell whether commands can be run, by running one the first time it is asked."""
        if self._can_execute is None:
            self._can_execute = self._probe()
        return self._can_execute

    def run(self, command: Sequence[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:
        """Run a command to its end; no shell interprets its words."""
        process = self._start(command)
        try:
            return process.communicate(stdin, timeout=timeout)
        finally:
            process.kill()

    def start(self, command: Sequence[str]) -> Process:
        """Start a command and return at once; the caller kills it or waits for it."""
        return self._start(command)

    def read_file(self, path: str, *, offset: int, length: int) -> Iterator[bytes]:
        """Read exactly `length` bytes of a file that does not change, over as many connections as it takes."""
        position, end, failures = offset, offset + length, 0
        while position < end:
            try:
                with closing(self._read_some(path, position, end - position)) as chunks:
                    for chunk in chunks:
                        position += len(chunk)
                        failures = 0
                        yield chunk
            except (RemoteFileError, HostKeyError, AuthenticationError):
                raise
            except TransportError as error:
                if not error.retryable:
                    raise
                failures += 1
                self._leave_for_reading()
                if failures >= _ATTEMPTS:
                    raise self._gave_up(path, position, failures, error) from error
                time.sleep(_PAUSE * failures)

    def stat(self, path: str) -> RemoteFile:
        """Describe a regular file, following links."""
        try:
            with self._session() as session:
                attributes = session.stat(encoded_path(path))
        except SftpStatusError as error:
            raise file_error(self._connection(), "look at", path, error.message) from error
        if not S_ISREG(attributes.mode):
            raise file_error(self._connection(), "look at", path, "it is not a regular file")
        return RemoteFile(path, attributes.size, attributes.modified)

    def glob(self, pattern: str) -> list[str]:
        """Return the regular files that match, sorted. Raise RemoteFileError for a folder that cannot be listed."""
        return matching_files(pattern, self._entries, self._is_regular)

    @contextmanager
    def browse(self) -> Iterator[SftpSession]:
        """Lend an SFTP session of its own, for walks through folders. Raise TransportError if the server has none."""
        session = open_sftp(self._connection())
        try:
            yield session
        finally:
            session.close()

    def close(self) -> None:
        """Close whatever is open; closing twice is no error."""
        for connection in (self._main, self._reading):
            if connection is not None:
                connection.close()
        self._main = self._reading = self._sftp = None

    def _connection(self) -> Connection:
        if self._main is None or not self._main.is_active:
            if self._main is not None:
                self._main.close()
            self._sftp = None
            self._main = self._login.connect()
        return self._main

    def _connection_for_reading(self) -> Connection:
        main = self._main or self._connection()
        if main.is_active and main.received < self._rotate_bytes:
            return main
        if self._reading is None or not self._reading.is_active or self._reading.received >= self._rotate_bytes:
            spent, self._reading = self._reading, self._login.connect()
            if spent is not None:
                spent.close()
        return self._reading

    def _leave_for_reading(self) -> None:
        """Read no more over the connections there are; a command that runs on the main one keeps it."""
        if self._main is not None:
            self._main.received = max(self._main.received, self._rotate_bytes)
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    def _read_some(self, path: str, offset: int, length: int) -> Generator[bytes, None, None]:
        can_execute = self.can_execute
        connection = self._connection_for_reading()
        share = min(length, max(1, self._rotate_bytes - connection.received))
        if can_execute:
            return read_with_command(connection, path, offset, share)
        return read_with_sftp(connection, path, offset, share)

    def _start(self, command: Sequence[str]) -> ChannelProcess:
        line = killable_line(command)
        if not self.can_execute:
            raise TransportError(
                f"run {command[0]} on", self._login.target, "this account has SFTP alone", "Use an account that may run commands."
            )
        connection = self._connection()
        return ChannelProcess(connection.execute(line), connection, command[0], tells_pid=True)

    def _probe(self) -> bool:
        connection = self._connection()
        try:
            channel = connection.execute(shell_line(["printf", "%s", _PROBE]))
        except StalledError:
            raise
        except TransportError as error:
            if error.retryable:
                raise
            return False
        process = ChannelProcess(channel, connection, "printf")
        try:
            output = process.communicate(b"", timeout=self._stall_seconds).output.decode("utf-8", "backslashreplace")
        finally:
            process.kill()
        if output != _PROBE and _PROBE in output:
            raise TransportError(
                "run a command on",
                self._login.target,
                f"the account's start-up files write into the output of every command: {output[:200]!r}",
                "Let them write only in interactive shells.",
            )
        return output == _PROBE

    @contextmanager
    def _session(self) -> Iterator[SftpSession]:
        connection = self._connection()
        if self._sftp is None:
            self._sftp = open_sftp(connection)
        try:
            yield self._sftp
        except TransportError:
            self._sftp = None  # what it would answer next may belong to the question that failed
            raise

    def _entries(self, folder: str) -> list[tuple[str, int]]:
        try:
            with self._session() as session:
                found = list(session.entries(encoded_path(folder)))
        except SftpStatusError as error:
            if error.code == NO_SUCH_FILE:
                return []
            raise file_error(self._connection(), "list", folder, error.message) from error
        return [(name.decode("utf-8", "surrogateescape"), attributes.mode) for name, attributes in found]

    def _is_regular(self, path: str) -> bool:
        try:
            with self._session() as session:
                return S_ISREG(session.stat(encoded_path(path)).mode)
        except SftpStatusError as error:
            if error.code == NO_SUCH_FILE:
                return False
            raise file_error(self._connection(), "look at", path, error.message) from error

    def _gave_up(self, path: str, position: int, failures: int, error: TransportError) -> TransportError:
        return type(error)(
            f"read file on {self._login.target}:",
            repr(path),
            f"{error.cause}; {failures} attempts brought nothing after byte {position}",
            error.hint,
            retryable=error.retryable,
        )
