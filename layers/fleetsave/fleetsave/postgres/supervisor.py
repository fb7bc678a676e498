"""Runs a server that must not outlive us: a program of its own, which needs nothing but Python's standard library.

`python supervisor.py JSON`, with `command`, `environment`, `user` (the number of an account, null for its own) and `data` (the
server's folder), runs the command until its own input ends: because it was told so, or because whoever started it was killed.
Then the server, and whatever that has started, is ended; also what has made itself independent. Its exit status is the server's.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_IPC_RMID = 0
_GRACE = 5.0
"""Seconds that the server has to end by itself; what it holds is thrown away in any case."""

_LIBC = ctypes.CDLL(None, use_errno=True)


def main(command: list[str], environment: dict[str, str], user: int | None, data: str) -> int:
    """Run the command until the input ends or it does, and return its exit status."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what loses its parent becomes our child
    other = {} if user is None else {"user": user, "group": user, "extra_groups": ()}
    server = subprocess.Popen(  # noqa: S603 - the command is our caller's
        command, env=environment, cwd=data, stdin=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=_end_with_parent, **other,  # noqa: PLW1509 - there is one thread only
    )  # type: ignore[call-overload]  # fmt: skip
    try:
        while server.poll() is None and not select.select([0], [], [], 0.1)[0]:
            pass
        server.send_signal(signal.SIGQUIT)
        with suppress(subprocess.TimeoutExpired):
            server.wait(_GRACE)
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
            _remove_shared_memory(data)
        _end_children()
    return int(server.returncode)


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)


def _end_children() -> None:
    """Kill every child, and those that become ours by it, until there is none."""
    deadline = time.monotonic() + _GRACE
    while time.monotonic() < deadline:
        for child in _children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def _children() -> Iterator[int]:
    us = os.getpid()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                # The second field is the program's name, which may hold anything.
                if int((process / "stat").read_bytes().rpartition(b")")[2].split()[1]) == us:
                    yield int(process.name)


def _remove_shared_memory(data: str) -> None:
    """Remove the segment by which a server tells others that it is there: one that is killed leaves it behind."""
    with suppress(OSError, ValueError, IndexError):
        segment = int(Path(data, "postmaster.pid").read_text(encoding="ascii").splitlines()[6].split()[1])
        _LIBC.shmctl(segment, _IPC_RMID, None)


if __name__ == "__main__":
    sys.exit(main(**json.loads(sys.argv[1])) & 0xFF)
