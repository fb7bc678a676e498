"""One request in, an archive or a reply out: the last part of the script."""

import json
import os
import resource
import signal
import sqlite3
import sys
from typing import Any, BinaryIO

from fleetsave.sources.files.server_side.archive import ArchiveMaker
from fleetsave.sources.files.server_side.frames import FrameWriter
from fleetsave.sources.files.server_side.tree_recovery import RESTORE_TREE, restore_tree
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, explain

ARCHIVE = "archive"
TREE_GRACE_SECONDS = 10
"""How long after its deadline the kernel ends this process, whatever it hangs in."""


def send_archive(values: "dict[str, Any]", deadline: Deadline, stdout: BinaryIO) -> None:
    """Write an archive as frames, or the reason why there is none. Raise OSError if nobody reads."""
    try:
        raise_file_limit()
        maker = ArchiveMaker(values, deadline)
    except RefusedError as error:
        reply_with(stdout, {"error": error.reason, "cause": error.cause})
        return
    frames = FrameWriter(stdout)
    frames.begin()
    try:
        reply = {"ok": maker.make(frames)}  # type: dict[str, object]
    except RefusedError as error:
        reply = {"error": error.reason, "cause": error.cause}
    except BrokenPipeError:
        raise
    except (sqlite3.Error, OSError) as error:
        refused = explain(error, None)
        reply = {"error": refused.reason, "cause": refused.cause}
    frames.end(reply)


def reply_with(stdout: BinaryIO, reply: "dict[str, object]") -> None:
    """Write one line of reply."""
    stdout.write((json.dumps(dict(reply, fleetsave=1), sort_keys=True) + "\n").encode())
    stdout.flush()


def raise_file_limit() -> None:
    """Let this process open as many files as it may: a walk keeps every folder on its way open."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def tree_main() -> None:
    """Read the request from standard input, and write the archive or the reply to standard output."""
    values = json.loads(sys.stdin.buffer.readline().decode())
    deadline = Deadline(float(values["deadline"]))
    signal.alarm(int(deadline.limit) + TREE_GRACE_SECONDS)
    os.umask(0o077)
    try:
        if values["operation"] == ARCHIVE:
            send_archive(values, deadline, sys.stdout.buffer)
        elif values["operation"].startswith(RESTORE_TREE):
            raise_file_limit()
            reply_with(sys.stdout.buffer, restore_tree(values, deadline, sys.stdin.buffer, sys.stdout.buffer))
        else:
            reply_with(sys.stdout.buffer, {"error": "bad_request", "cause": f"there is no operation {values['operation']!r}"})
    except BrokenPipeError:
        os._exit(1)  # nobody is there to be told
    os._exit(0)


if __name__ == "__main__":
    tree_main()
