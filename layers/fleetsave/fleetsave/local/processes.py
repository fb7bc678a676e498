"""Child processes that cannot outlive us, and the ports they listen on."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class ChildProcess:
    """A server we run: its output goes to a log file, and the kernel ends it when the thread that started it ends.

    Raise RuntimeError, with the end of the log, if it does not become ready.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        self.name = name
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the commands are our own
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - prctl is the only way, and touches no lock
            )

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Tell whether the process still runs."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Return what the process ended with, or None while it runs."""
        return self._process.poll()

    def wait_until(self, ready: Callable[[], bool], *, timeout: float = 30) -> None:
        """Wait until `ready()` is true. Raise RuntimeError if the process ends first, or after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.is_running:
                raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self.name} was not ready after {timeout:g} s:\n{self.log_tail()}")
            time.sleep(0.05)

    def log_tail(self, size: int = 2000) -> str:
        """Return the end of the log."""
        return self._log.read_text(errors="replace")[-size:]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process still runs."""
        if self.is_running:
            self._process.send_signal(number)

    def stop(self, *, timeout: float = 20) -> None:
        """End the process: SIGTERM, then SIGKILL after `timeout` seconds; stopping twice is no error."""
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def free_port(*, with_grpc: bool = False) -> int:
    """Return a port of the loopback address that nobody listens on; with_grpc: port + 10000 is free too."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if not with_grpc:
            return port
        if port < 50000 and is_free(port + 10000):
            return port


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts_connections(port: int) -> bool:
    """Tell whether somebody listens on a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def end_with_parent() -> None:
    """In a child before it runs its program: lead a process group of its own, and end with the thread that started it."""
    os.setpgid(0, 0)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
