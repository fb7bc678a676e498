"""A transport to this very machine: its files, its commands, no network."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from select import select
from stat import S_ISREG
from time import monotonic
from typing import IO

from fleetsave.model.errors import InvalidInputError, RemoteFileError, StalledError, TransportError
from fleetsave.transports.base import CommandResult, Process, RemoteFile
from fleetsave.transports.globbing import matching_files

_TARGET = "this machine"
_LARGEST_LINE = 1 << 20
_LARGEST_OUTPUT = 16 << 20


class FakeTransport:
    """The port `Transport` on the local machine; `can_execute=False` makes it an account with SFTP alone."""

    def __init__(self, *, can_execute: bool = True) -> None:
        self._can_execute = can_execute
        self.commands: list[list[str]] = []
        self.is_closed = False

    @property
    def can_execute(self) -> bool:
        return self._can_execute

    def run(self, command: Sequence[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:
        process = self._start(command)
        try:
            return process.communicate(stdin, timeout)
        finally:
            process.kill()

    def start(self, command: Sequence[str]) -> Process:
        return self._start(command)

    def read_file(self, path: str, *, offset: int, length: int) -> Iterator[bytes]:
        if not length:
            return
        try:
            with Path(path).open("rb") as file:
                file.seek(offset)
                while length and (chunk := file.read(min(length, 1 << 20))):
                    length -= len(chunk)
                    yield chunk
        except OSError as error:
            raise _file_error("read", path, error.strerror or str(error)) from error
        if length:
            raise _file_error("read", path, f"it ended {length} bytes early")

    def stat(self, path: str) -> RemoteFile:
        try:
            status = Path(path).stat()
        except OSError as error:
            raise _file_error("look at", path, error.strerror or str(error)) from error
        if not S_ISREG(status.st_mode):
            raise _file_error("look at", path, "it is not a regular file")
        return RemoteFile(path, status.st_size, float(int(status.st_mtime)))

    def glob(self, pattern: str) -> list[str]:
        return matching_files(pattern, _entries, os.path.isfile)

    def close(self) -> None:
        self.is_closed = True

    def _start(self, command: Sequence[str]) -> "FakeProcess":
        if any("\0" in word for word in command):
            raise InvalidInputError("run", repr(list(command)), "a word holds a zero byte", "Take it out.")
        if not self._can_execute:
            raise TransportError(f"run {command[0]} on", _TARGET, "this account has SFTP alone", "Use another account.")
        self.commands.append(list(command))
        return FakeProcess(command)


class FakeProcess:
    """The port `Process` over a child process; like a login shell, it turns a missing program into status 127."""

    def __init__(self, command: Sequence[str]) -> None:
        self._name = command[0]
        self._child = subprocess.Popen(
            ["sh", "-c", 'exec "$@"', "sh", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._output = bytearray()
        self._errors = bytearray()
        for pipe in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(pipe.fileno(), False)

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._child.stdin is not None
        return self._child.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        assert self._child.stdout is not None
        return self._child.stdout

    @property
    def _stderr(self) -> IO[bytes]:
        assert self._child.stderr is not None
        return self._child.stderr

    def write(self, data: bytes) -> None:
        if not self._send(data):
            raise self._error("the command no longer reads its input", retryable=True)

    def close_input(self) -> None:
        self._stdin.close()

    def read_line(self, *, timeout: float) -> bytes:
        deadline = monotonic() + timeout
        while b"\n" not in self._output and len(self._output) < _LARGEST_LINE:
            data = self._receive(_LARGEST_LINE, deadline, timeout)
            if not data:
                raise self._error("its output ended where a line was due", retryable=True)
            self._output += data
        end = self._output.find(b"\n")
        if not 0 <= end < _LARGEST_LINE:
            raise self._error("it wrote a line of more than 1 MiB")
        return self._take(end + 1)

    def read(self, size: int, *, timeout: float) -> bytes:
        if self._output:
            return self._take(size)
        return self._receive(size, monotonic() + timeout, timeout)

    def wait(self, *, timeout: float) -> CommandResult:
        deadline = monotonic() + timeout
        while data := self._receive(_LARGEST_LINE, deadline, timeout):
            self._keep(self._output, data)
        try:
            status = self._child.wait(max(0.0, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            raise self._stalled(timeout) from None
        self._drain_errors()
        if status < 0:
            raise self._error("it was ended by a signal", retryable=True)
        self.kill()
        return CommandResult(status, self._take(len(self._output)), bytes(self._errors))

    def communicate(self, stdin: bytes, timeout: float) -> CommandResult:
        self._send(stdin)
        self.close_input()
        return self.wait(timeout=timeout)

    def kill(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()

    def _send(self, data: bytes) -> bool:
        while data:
            readable, writable, _ = select([self._stdout, self._stderr], [self._stdin], [], 1)
            if self._stdout in readable:
                self._keep(self._output, self._stdout.read(_LARGEST_LINE) or b"")
            self._drain_errors()
            if writable:
                try:
                    data = data[self._stdin.write(data[: 1 << 16]) :]
                except BrokenPipeError:
                    return False
        return True

    def _receive(self, size: int, deadline: float, timeout: float) -> bytes:
        if self._stdout.closed:
            raise self._error("the connection was lost", retryable=True)
        while (remaining := deadline - monotonic()) > 0:
            self._drain_errors()
            if select([self._stdout], [], [], min(0.05, remaining))[0]:
                return self._stdout.read(size) or b""
        raise self._stalled(timeout)

    def _drain_errors(self) -> None:
        while data := self._stderr.read(_LARGEST_LINE):
            self._keep(self._errors, data)

    def _keep(self, buffer: bytearray, data: bytes) -> None:
        buffer += data
        if len(buffer) > _LARGEST_OUTPUT:
            self.kill()
            raise self._error("it wrote more than 16 MiB")

    def _take(self, size: int) -> bytes:
        data = bytes(self._output[:size])
        del self._output[:size]
        return data

    def _stalled(self, timeout: float) -> StalledError:
        return StalledError(f"run {self._name} on", _TARGET, f"nothing came for {timeout:g} s", "Look at it.", retryable=True)

    def _error(self, cause: str, *, retryable: bool = False) -> TransportError:
        return TransportError(f"run {self._name} on", _TARGET, cause, "Look at it.", retryable=retryable)


def _entries(folder: str) -> list[tuple[str, int]]:
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _file_error("list", folder, error.strerror or str(error)) from error


def _file_error(operation: str, path: str, cause: str) -> RemoteFileError:
    return RemoteFileError(f"{operation} file on {_TARGET}:", repr(path), cause, "Check the path.")
