"""A program of PostgreSQL's that runs: its output as a stream, its last words kept, and never left behind."""

import fcntl
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO

CHUNK_SIZE = 1 << 20
_LAST_WORDS = 16 << 10
"""Bytes of standard error that are kept; a restore may write a line for each of a million objects."""

_PIPE_SIZE = 1 << 20
"""Bytes a pipe holds; of the 64 KiB it has by itself a writer fills each before the reader wakes up."""

_F_SETPIPE_SZ = 1031
"""Linux's number for it, which Python's fcntl names only on some builds."""


class PostgresProcess:
    """A child with our environment for it and nothing else; `close` kills it if it still runs.

    `as_user` is the number of the account it runs as, where that is not ours. Standard error is read by a thread of its own:
    a child that nobody listens to stops.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        descriptors: Sequence[int] = (),
        stdin: int | IO[bytes] | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = subprocess.PIPE,
        as_user: int | None = None,
        cwd: str | None = None,
    ) -> None:
        self.name = command[0].rpartition("/")[2]
        other = {} if as_user is None else {"user": as_user, "group": as_user, "extra_groups": ()}
        self._process = subprocess.Popen(  # noqa: S603 - a program of the layer, with words of our own
            list(command), env=dict(environment), pass_fds=tuple(descriptors), stdin=stdin, stdout=stdout,
            stderr=subprocess.PIPE, bufsize=0, cwd=cwd, start_new_session=True, **other,
        )  # type: ignore[call-overload]  # fmt: skip
        if self._process.stdout is not None:
            _widen(self._process.stdout)
        self._words: list[bytes] = []
        self._words_size = 0
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> "PostgresProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Return the process's number."""
        return int(self._process.pid)

    @property
    def stdout(self) -> IO[bytes]:
        """Return what the program writes. Raise ValueError if it writes elsewhere."""
        if self._process.stdout is None:
            raise ValueError(f"{self.name} writes elsewhere")
        return self._process.stdout  # type: ignore[no-any-return]  # it was opened as a pipe

    @property
    def stdin(self) -> IO[bytes]:
        """Return where the program reads. Raise ValueError if it reads elsewhere."""
        if self._process.stdin is None:
            raise ValueError(f"{self.name} reads elsewhere")
        return self._process.stdin  # type: ignore[no-any-return]  # it was opened as a pipe

    def chunks(self) -> Iterator[bytes]:
        """Yield what the program writes, to its end, in chunks of at most 1 MiB."""
        while chunk := self.stdout.read(CHUNK_SIZE):
            yield chunk

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status, negative for the number of a signal. Raise subprocess.TimeoutExpired."""
        status = int(self._process.wait(timeout))
        self._listener.join(timeout=5)
        return status

    @property
    def has_ended(self) -> bool:
        """Tell whether the program runs no more."""
        return self._process.poll() is not None

    @property
    def errors(self) -> str:
        """Return the end of what the program said on standard error."""
        return b"".join(self._words).decode("utf-8", "backslashreplace").strip()

    def kill(self) -> None:
        """Kill the program at once, with those it has started; killing twice is no error."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill the program if it runs, and give back what it held; closing twice is no error."""
        self.kill()
        self._process.wait()
        self._listener.join(timeout=5)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _listen(self) -> None:
        stream = self._process.stderr
        assert stream is not None  # noqa: S101 - it was asked for above
        while True:
            try:
                words = stream.read(4096)
            except (OSError, ValueError):  # closed under us
                return
            if not words:
                return
            self._words.append(words)
            self._words_size += len(words)
            while self._words_size - len(self._words[0]) >= _LAST_WORDS:
                self._words_size -= len(self._words.pop(0))


def _widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold more, if the machine lets us: it has a limit for all pipes of an account."""
    with suppress(OSError):
        fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE_SIZE)
