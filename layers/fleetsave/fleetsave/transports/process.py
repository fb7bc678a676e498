"""A command on the server, or its SFTP subsystem, seen through an SSH channel."""

import shlex
import time
from collections.abc import Sequence
from contextlib import suppress

import paramiko

from fleetsave.model.errors import InvalidInputError, StalledError, TransportError
from fleetsave.transports.base import CommandResult
from fleetsave.transports.connection import Connection

_LARGEST_LINE = 1 << 20
_LARGEST_OUTPUT = 16 << 20
_SLICE = 0.1  # how often error output is emptied while we wait for output
_LAST_ERRORS = 1.0  # how long error output may come after the exit status


def shell_line(command: Sequence[str]) -> bytes:
    """Return the line from which a POSIX login shell makes exactly these words. Raise InvalidInputError for a zero byte."""
    if any("\0" in word for word in command):
        raise InvalidInputError("run", repr(list(command)), "a word holds a zero byte", "Take it out; no command can get it.")
    return shlex.join(command).encode("utf-8", "surrogateescape")


def killable_line(command: Sequence[str]) -> bytes:
    """Return the line that writes its own process id and a newline, and then becomes the command."""
    return shell_line(["sh", "-c", 'echo "$$"; exec "$@"', "sh", *command])


class ChannelProcess:
    """The port `Process` over a channel; `name` stands for it in errors, and its output counts as received on the connection.

    `tells_pid`: the command is one of `killable_line`, which first tells its process id, so that it can be killed.
    """

    def __init__(self, channel: paramiko.Channel, connection: Connection, name: str, *, tells_pid: bool = False) -> None:
        self._channel = channel
        self._connection = connection
        self._name = name
        self._output = bytearray()
        self._errors = bytearray()
        self._pid: int | None = None
        self._pid_due = tells_pid

    def write(self, data: bytes) -> None:
        """Send bytes to standard input. Raise StalledError if the command takes none for the stall limit."""
        if not self._send(data):
            raise self._error("the command no longer reads its input", retryable=True)

    def close_input(self) -> None:
        """Let the command see the end of its input."""
        try:
            self._channel.shutdown_write()
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._lost(error) from error

    def read_line(self, *, timeout: float) -> bytes:
        """Read one line with its newline. Raise StalledError after `timeout` seconds, TransportError at the end of output."""
        deadline = time.monotonic() + timeout
        searched = 0
        while (end := self._output.find(b"\n", searched)) < 0:
            searched = len(self._output)
            if searched >= _LARGEST_LINE:
                break
            data = self._receive(_LARGEST_LINE, deadline, timeout)
            if not data:
                raise self._error(f"its output ended where a line was due{self._said()}", retryable=True)
            self._output += data
        if not 0 <= end < _LARGEST_LINE:
            raise self._error(f"it wrote a line of more than {_LARGEST_LINE} bytes")
        return self._take(end + 1)

    def read(self, size: int, *, timeout: float) -> bytes:
        """Read what there is, at most `size` bytes; b"" at the end. Raise StalledError after `timeout` seconds of silence."""
        if self._output:
            return self._take(size)
        return self._receive(size, time.monotonic() + timeout, timeout)

    def wait(self, *, timeout: float) -> CommandResult:
        """Wait for the end. Raise StalledError after `timeout` seconds, TransportError if there is no exit status."""
        deadline = time.monotonic() + timeout
        while data := self._receive(_LARGEST_LINE, deadline, timeout):
            self._keep(self._output, data)
        if not self._channel.status_event.wait(max(0.0, deadline - time.monotonic())):
            raise self._stalled(timeout)
        last_errors = time.monotonic() + _LAST_ERRORS
        while not self._channel.closed and time.monotonic() < last_errors:
            time.sleep(0.002)
        self._drain_errors()
        status = self._channel.recv_exit_status()
        if status < 0:
            cause = "it was ended by a signal" if self._connection.is_active else "the connection was lost"
            raise self._error(f"{cause}{self._said()}", retryable=True)
        self._channel.close()
        return CommandResult(status, self._take(len(self._output)), bytes(self._errors))

    def communicate(self, stdin: bytes, *, timeout: float) -> CommandResult:
        """Send all input, as far as the command takes it, and wait for the end."""
        self._send(stdin)
        if not self._channel.closed:
            self.close_input()
        return self.wait(timeout=timeout)

    def kill(self) -> None:
        """End the command and drop its channel; over a connection that is lost, the command is left to its own limits."""
        if self._channel.closed:
            return
        # Closing a channel does not end what runs behind it, and sshd delivers no signals to commands of root.
        with suppress(TransportError):
            if self._pid_due:
                self._receive_pid(time.monotonic() + _LAST_ERRORS, _LAST_ERRORS)
            if self._pid is not None and not self._channel.exit_status_ready():
                self._connection.execute(shell_line(["kill", "-9", str(self._pid)])).close()
        self._drop()

    def _drop(self) -> None:
        try:
            self._channel.close()
        except (OSError, EOFError, paramiko.SSHException):
            # Nothing can be said to the server any more: the connection with all its channels goes.
            self._connection.close()

    def _send(self, data: bytes) -> bool:
        """Send while taking in what the command writes, lest both wait for ever; tell whether it took all."""
        position = 0
        deadline = time.monotonic() + self._connection.stall_seconds
        while position < len(data):
            self._take_in()
            self._channel.settimeout(_SLICE)
            try:
                sent = self._channel.send(data[position : position + _LARGEST_LINE])
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise self._stalled(self._connection.stall_seconds) from None
                continue
            except (OSError, EOFError, paramiko.SSHException):
                return False
            if not sent:
                return False
            position += sent
            deadline = time.monotonic() + self._connection.stall_seconds
        return True

    def _take_in(self) -> None:
        self._drain_errors()
        while self._channel.recv_ready():
            if self._pid_due:
                self._receive_pid(time.monotonic() + self._connection.stall_seconds, self._connection.stall_seconds)
                continue
            self._keep(self._output, self._receive(_LARGEST_LINE, time.monotonic() + _SLICE, _SLICE))

    def _receive(self, size: int, deadline: float, timeout: float) -> bytes:
        """Return what comes next, at most `size` bytes, b"" once the command has closed its output."""
        if self._pid_due:
            self._receive_pid(deadline, timeout)
        return self._receive_raw(size, deadline, timeout)

    def _receive_pid(self, deadline: float, timeout: float) -> None:
        digits = b""
        while not digits.endswith(b"\n"):
            data = self._receive_raw(1, deadline, timeout)
            if not data or len(digits) > 20:
                raise self._error(f"it did not start{self._said()}", retryable=True)
            digits += data
        self._pid_due = False
        self._pid = int(digits)

    def _receive_raw(self, size: int, deadline: float, timeout: float) -> bytes:
        while True:
            self._drain_errors()
            remaining = deadline - time.monotonic()
            self._channel.settimeout(max(0.0, min(_SLICE, remaining)))
            try:
                data = self._channel.recv(size)
            except TimeoutError:
                if remaining <= 0:
                    raise self._stalled(timeout) from None
                continue
            except (OSError, EOFError, paramiko.SSHException) as error:
                raise self._lost(error) from error
            # A connection that breaks looks like the end, but for the server's own word that it is.
            if not data and not self._channel.eof_received:
                raise self._error("the connection was lost", retryable=True)
            self._connection.received += len(data)
            return data

    def _drain_errors(self) -> None:
        """Take in error output: left alone, it would fill the window that it shares with the output."""
        try:
            while self._channel.recv_stderr_ready():
                self._keep(self._errors, self._channel.recv_stderr(_LARGEST_LINE))
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise self._lost(error) from error

    def _keep(self, buffer: bytearray, data: bytes) -> None:
        buffer += data
        if len(buffer) > _LARGEST_OUTPUT:
            self.kill()
            raise self._error(f"it wrote more than {_LARGEST_OUTPUT >> 20} MiB")

    def _take(self, size: int) -> bytes:
        data = bytes(self._output[:size])
        del self._output[:size]
        return data

    def _said(self) -> str:
        """Return the end of what the command complained of, for a message."""
        self._drain_errors()
        text = bytes(self._errors[-300:]).decode("utf-8", "backslashreplace").strip()
        return f"; it said: {text}" if text else ""

    def _stalled(self, timeout: float) -> StalledError:
        return StalledError(
            f"run {self._name} on",
            self._connection.target,
            f"nothing came for {timeout:g} s{self._said()}",
            "See whether the server or the network is overloaded.",
            retryable=True,
        )

    def _lost(self, error: Exception) -> TransportError:
        return self._error(f"the connection was lost ({error})", retryable=True)

    def _error(self, cause: str, *, retryable: bool = False) -> TransportError:
        return TransportError(
            f"run {self._name} on", self._connection.target, cause, "See the server's own logs.", retryable=retryable
        )
