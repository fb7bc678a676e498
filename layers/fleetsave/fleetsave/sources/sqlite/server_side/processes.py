"""Which processes have a database open, as far as this account can see them."""

import fcntl
import os
import re
import struct
import sys
from contextlib import suppress

LOCK = struct.Struct("hhqqi")
"""Linux's struct flock: type, whence, start, length, pid."""

LAST_BYTE = (1 << 63) - 1
MOST_RANGES = 64


def users_of(paths: "list[bytes]") -> "list[str]":
    """Return `pid 123 (name)` for each process that has one of the files open, or a lock on one; never our own.

    The open files of other users' processes are hidden from all but root; their locks are not. Called only while nothing
    of this process has the files open: opening and closing them here would drop SQLite's locks.
    """
    found = _holders_of_open_files(paths) | {pid for path in paths for pid in _holders_of_locks(path)}
    return [_described(pid) for pid in sorted(found - {os.getpid()})]


def _holders_of_open_files(paths: "list[bytes]") -> "set[int]":
    wanted = set()
    for path in paths:
        with suppress(FileNotFoundError):
            status = os.stat(path)
            wanted.add((status.st_dev, status.st_ino))
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else []
    return {pid for pid in pids if _has_open(pid, wanted)}


def _has_open(pid: int, wanted: "set[tuple[int, int]]") -> bool:
    folder = f"/proc/{pid}/fd"
    with suppress(OSError):  # it has ended, or is another user's
        for name in os.listdir(folder):
            with suppress(OSError):
                status = os.stat(f"{folder}/{name}")
                if (status.st_dev, status.st_ino) in wanted:
                    return True
    return False


def _holders_of_locks(path: bytes) -> "set[int]":
    if not sys.platform.startswith("linux"):
        return set()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return set()
    try:
        return _holders_in(descriptor)
    finally:
        os.close(descriptor)


def _holders_in(descriptor: int) -> "set[int]":
    """Ask who would keep us from locking each part of the file; the kernel names one holder at a time."""
    found, ranges = set(), [(0, LAST_BYTE)]
    for _ in range(MOST_RANGES):
        if not ranges:
            break
        start, end = ranges.pop()
        asked = LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, start, end - start, 0)
        kind, _, first, length, pid = LOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, asked)[: LOCK.size])
        if kind == fcntl.F_UNLCK:
            continue
        found.add(pid)
        last = first + length if length else end
        ranges += [part for part in ((start, min(first, end)), (max(last, start), end)) if part[0] < part[1]]
    return found


def _described(pid: int) -> str:
    if pid <= 0:
        return "a process that this account cannot see"
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            name = re.sub(r"[^ -~]", "?", file.read().decode("utf-8", "replace").strip())
    except OSError:
        name = "unknown"
    return f"pid {pid} ({name})"
