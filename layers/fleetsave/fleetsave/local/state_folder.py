"""The folder of one local stack: held by one process at a time, on the same ports each time."""

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from fleetsave.local.processes import free_port, is_free

_PORT_WAIT_SECONDS = 10
_CLOSED = ("emulator", "logs", "sam", "store")
"""Folders of parts that hold secrets, or may: nobody else looks into them."""


class StateFolder:
    """A state folder that we hold until `release`. Raise RuntimeError if another process holds it.

    Without a path it is a new temporary folder, which `release` removes unless told to keep it.
    """

    def __init__(self, path: Path | None) -> None:
        self.is_temporary = path is None
        self.path = path.resolve() if path is not None else Path(tempfile.mkdtemp(prefix="fleetsave-"))
        if self.is_temporary:
            # Verify's throwaway PostgreSQL runs as nobody where we are root, and must find its programs and its data below.
            self.path.chmod(0o711)
        for closed in _CLOSED:
            (self.path / closed).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _hold(self.path / "lock")

    @property
    def logs(self) -> Path:
        """Return the folder of the log files."""
        return self.path / "logs"

    def ports(self, names: Iterable[str]) -> dict[str, int]:
        """Return a port for each name, the same as last time: queue URLs with the port in them are part of the state.

        Raise RuntimeError if another program holds one of them.
        """
        file = self.path / "ports.json"
        if not file.exists():
            file.write_text(json.dumps({name: free_port() for name in names}))
            return dict(json.loads(file.read_text()))
        ports: dict[str, int] = json.loads(file.read_text())
        deadline = time.monotonic() + _PORT_WAIT_SECONDS
        while taken := [port for port in ports.values() if not is_free(port)]:
            # What a killed run has left may still be saving its state.
            if time.monotonic() > deadline:
                raise RuntimeError(f"port {taken[0]} is held by another program; stop it, or remove {self.path} to start afresh")
            time.sleep(0.1)
        return ports

    def release(self, *, keep: bool) -> None:
        """Let go of the folder; a temporary one is removed unless `keep`."""
        if self.is_temporary and not keep:
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _hold(path: Path) -> TextIO:
    lock = path.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go however we end
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise RuntimeError(f"a local stack is already running in {path.parent}: pid {holder}") from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
