"""A folder that is ours alone, and the lock that lets one process at a time work in it."""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError

LOCK_POLL_SECONDS = 0.05


def make_private(path: bytes, reason: str) -> None:
    """Make a folder for us alone, unless there is one; raise RefusedError with `reason` if it cannot be made."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass  # whose it is shows when it is looked at
    except OSError as error:
        reason = "disk_full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else reason
        raise RefusedError(reason, f"{os.fsdecode(path)}: {error.strerror}") from None


def require_private(path: bytes, forbidden: int, reason: str) -> None:
    """Raise RefusedError with `reason` unless it is a folder of ours to which nobody else has the `forbidden` rights."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & forbidden:
        raise RefusedError(reason, f"{os.fsdecode(path)} is not a folder that is ours alone")


@contextmanager
def locked_folder(path: bytes, deadline: Deadline, cause: str) -> "Iterator[int]":
    """Keep every other process out of a folder, given as its descriptor; the kernel lets go of it however this one ends.

    A run whose connection was lost may still be at work when its job comes again: two must not do the same work at once.
    """
    folder = os.open(path, os.O_RDONLY)
    try:
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if deadline.passed():
                    raise RefusedError("busy", f"{cause} {os.fsdecode(path)}") from None
                time.sleep(LOCK_POLL_SECONDS)
        yield folder
    finally:
        os.close(folder)
