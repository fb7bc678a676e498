"""The few POSIX commands and the `sqlite3` program of a server without Python, each run without a shell in between."""

from collections.abc import Sequence

from fleetsave.sources.sqlite.quoting import uri
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.transports.base import CommandResult, Transport

_SECONDS = 60.0


class Shell:
    """One server's commands. `target` names what is captured, in errors."""

    def __init__(self, transport: Transport, target: str) -> None:
        self.transport = transport
        self.target = target

    def run(self, words: Sequence[str], *, stdin: bytes = b"", seconds: float = _SECONDS) -> CommandResult:
        """Run a command and return whatever it came to."""
        return self.transport.run(words, stdin=stdin, timeout=seconds)

    def do(self, words: Sequence[str], *, stdin: bytes = b"", seconds: float = _SECONDS) -> str:
        """Return the output of a command that must succeed. Raise CaptureError, reason `io_error` or `disk_full`."""
        result = self.run(words, stdin=stdin, seconds=seconds)
        if result.status:
            said = complaint(result)
            reason = "disk_full" if "No space left" in said or "is full" in said else "io_error"
            raise refusal(self.target, reason, f"{words[0]} ended with status {result.status} and said {said!r}")
        return result.output.decode("utf-8", "replace")

    def query(self, path: str, sql: str, *, mode: str = "list") -> CommandResult:
        """Ask a frozen database; it is neither locked nor written."""
        return self.run([*sqlite3_words(f".mode {mode}"), uri(path, "?mode=ro&immutable=1"), sql], seconds=600)


def sqlite3_words(setting: str) -> list[str]:
    """Return the beginning of a `sqlite3` command that reads no start-up file and stops at the first error."""
    return ["sqlite3", "-batch", "-bail", "-init", "/dev/null", "-cmd", setting]


def complaint(result: CommandResult) -> str:
    """Return the end of what a command complained of."""
    return result.errors[-300:].decode("utf-8", "backslashreplace").strip()
