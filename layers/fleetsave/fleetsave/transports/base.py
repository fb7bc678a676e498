"""The port to a server: run a command there, and read its files, over whatever connects to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class CommandResult:
    """What a finished command left: its exit status and all it wrote (at most 16 MiB each)."""

    status: int
    output: bytes
    errors: bytes


@dataclass(frozen=True)
class RemoteFile:
    """A regular file on the server: `size` in bytes, `modified` as seconds since 1970."""

    path: str
    size: int
    modified: float


class Process(Protocol):
    """A command that runs on the server while we talk to it."""

    def write(self, data: bytes) -> None:
        """Send bytes to the command's standard input."""
        ...

    def close_input(self) -> None:
        """Let the command see the end of its input."""
        ...

    def read_line(self, *, timeout: float) -> bytes:
        """Read one line of at most 1 MiB, with its newline. Raise StalledError after `timeout` seconds without one,
        TransportError if the output ends first."""
        ...

    def read(self, size: int, *, timeout: float) -> bytes:
        """Read at least one byte and at most `size`; b"" at the end. Raise StalledError after `timeout` seconds of silence."""
        ...

    def wait(self, *, timeout: float) -> CommandResult:
        """Wait for the end; `output` holds what was not read before. Raise StalledError after `timeout` seconds."""
        ...

    def kill(self) -> None:
        """Drop the command and its channel at once; killing twice is no error."""
        ...


class Transport(Protocol):
    """One server, reached in one way.

    Connects on first use. Every method raises TransportError or one of its kinds; `retryable` tells what may pass by
    itself. A transport is used by one thread at a time, and is closed after use.
    """

    @property
    def can_execute(self) -> bool:
        """Tell whether commands can be run; False for accounts that only have SFTP."""
        ...

    def run(self, command: Sequence[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:
        """Run a command to its end; its words reach it byte for byte, no shell interprets them.

        Raise StalledError after `timeout` seconds, TransportError if the account cannot run commands.
        """
        ...

    def start(self, command: Sequence[str]) -> Process:
        """Start a command and return at once; the caller kills it or waits for it."""
        ...

    def read_file(self, path: str, *, offset: int, length: int) -> Iterator[bytes]:
        """Read exactly `length` bytes of a file that does not change, from `offset`, in chunks of at most 1 MiB.

        Memory stays flat. A connection that breaks or stalls is made anew and the read goes on where it was; connections
        are rotated before a key exchange falls due. Raise RemoteFileError if the file is missing, unreadable, or ends
        early, and StalledError when making the connection anew did not help.
        """
        ...

    def stat(self, path: str) -> RemoteFile:
        """Describe a regular file, following links. Raise RemoteFileError if there is none."""
        ...

    def glob(self, pattern: str) -> list[str]:
        """Return the regular files that match an absolute shell pattern (`*`, `?`, `[...]`), sorted; `*` never crosses `/`."""
        ...

    def close(self) -> None:
        """Close whatever is open; closing twice is no error."""
        ...
