"""One request in, one reply out: the last part of the on-server script."""

import json
import os
import platform
import signal
import sqlite3
import sys
from typing import Any, BinaryIO

from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request, Source, explain
from fleetsave.sources.sqlite.server_side.hold import hold
from fleetsave.sources.sqlite.server_side.recovery import RESTORE, recover
from fleetsave.sources.sqlite.server_side.snapshot import look_at_pair, take_snapshot
from fleetsave.sources.sqlite.server_side.staging import Staging

GRACE_SECONDS = 10
"""How long after its deadline the kernel ends this process, whatever it hangs in; its locks end with it."""


def answer(request: Request, stdin: BinaryIO, stdout: BinaryIO) -> "dict[str, Any]":
    """Do what a request asks and return the reply; every failure is a reply too."""
    source, deadline = None, Deadline(request.deadline)
    try:
        if request.operation.startswith(RESTORE):
            return {"ok": recover(request, deadline, stdin, stdout)}
        if request.operation not in ("snapshot", "hold", "pair"):
            return {"ok": _keep_house(request)}
        source = Source(request.path)
        if request.operation == "hold":
            return {"ok": hold(request, source, deadline, stdin, stdout)}
        return {"ok": take_snapshot(request, source, deadline) if request.operation == "snapshot" else look_at_pair(source)}
    except RefusedError as error:
        refused = error
    except (sqlite3.Error, OSError) as error:
        refused = explain(error, source)
    if refused.cause == "interrupted":  # SQLite was, by whichever limit passed
        refused = deadline.refusal()
    return {"error": refused.reason, "cause": refused.cause}


def _keep_house(request: Request) -> object:
    if request.operation == "probe":
        has_backup = hasattr(sqlite3.Connection, "backup")
        return {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "backup": has_backup}
    staging = Staging(request.staging)
    if request.operation == "sweep":
        return staging.sweep(request.older_than)
    if request.operation == "drop":
        staging.drop(request.name)
    elif request.operation != "find":
        raise RefusedError("bad_request", f"there is no operation {request.operation!r}")
    return staging.find(request.name)


def main() -> None:
    """Read the request from standard input and write the reply to standard output."""
    request = Request(json.loads(sys.stdin.buffer.readline().decode()))
    signal.alarm(int(request.deadline) + GRACE_SECONDS)
    os.umask(0o077)
    reply = dict(answer(request, sys.stdin.buffer, sys.stdout.buffer), fleetsave=1)
    sys.stdout.buffer.write((json.dumps(reply, sort_keys=True) + "\n").encode())
    sys.stdout.buffer.flush()
    os._exit(0)  # descriptors that guard a lock are closed by the kernel, all at once


if __name__ == "__main__":
    main()
