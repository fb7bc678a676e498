"""The ground of the on-server script: reasons, deadlines, and the source before SQLite opens it."""

import errno
import os
import re
import sqlite3
import stat
import time
from typing import Any
from urllib.parse import quote

NETWORK_FILE_SYSTEMS = re.compile(r"nfs\d?|cifs|smb\w*|afs|9p|ceph|fuse\.(sshfs|glusterfs|cephfs|s3fs|rclone|davfs\w*)|lustre")


class RefusedError(Exception):
    """No consistent snapshot: a stable word for machines, and what was seen."""

    def __init__(self, reason: str, cause: str) -> None:
        super().__init__(reason, cause)
        self.reason = reason
        self.cause = cause


class Request:
    """What our side asks for; `checks` is None where no fingerprint is wanted, times are in seconds.

    Of a recovery: its id, the digest and size of its copy, and, for a file that must not exist yet, the folders `new_in`
    which it may be made.
    """

    def __init__(self, values: "dict[str, Any]") -> None:
        self.operation = values["operation"]  # type: str
        self.path = values.get("path", "")  # type: str
        self.name = values.get("name", "")  # type: str
        self.staging = values.get("staging")  # type: str | None
        self.deadline = float(values.get("deadline", 60))
        self.lock_limit = float(values.get("lock_limit", 60))
        self.older_than = float(values.get("older_than", 0))
        self.checks = values.get("checks")  # type: dict[str, str] | None
        self.recovery = values.get("recovery", "")  # type: str
        self.new_in = values.get("new_in")  # type: list[str] | None
        self.sha256 = values.get("sha256", "")  # type: str
        self.size = int(values.get("size", 0))
        self.offset = int(values.get("offset", 0))
        self.method = values.get("method", "")  # type: str
        self.keep_aside = bool(values.get("keep_aside", True))


class Deadline:
    """How long work may take; the one that passes first gives the reason."""

    def __init__(self, seconds: float) -> None:
        self.at = self._whole = time.monotonic() + seconds
        self.reason = "deadline"
        self.limit = self._seconds = seconds

    def narrow(self, seconds: float, reason: str) -> None:
        """End earlier, `seconds` from now, if that is earlier."""
        if time.monotonic() + seconds < self.at:
            self.at, self.reason, self.limit = time.monotonic() + seconds, reason, seconds

    def widen(self) -> None:
        """Take back what `narrow` did."""
        self.at, self.reason, self.limit = self._whole, "deadline", self._seconds

    def refusal(self) -> RefusedError:
        """Return the error for time that is up."""
        return RefusedError(self.reason, f"it took longer than {self.limit:g} s")

    def remaining(self) -> float:
        """Return the seconds that are left, never less than 0."""
        return max(0.0, self.at - time.monotonic())

    def passed(self) -> bool:
        """Tell whether time is up; SQLite asks this while a statement runs."""
        return self.remaining() == 0

    def check(self, *_progress: int) -> None:
        """Raise RefusedError when time is up; CPython's backup would wait for a lock for ever."""
        if self.passed():
            raise self.refusal()


class Source:
    """The database file, looked at before SQLite opens it."""

    def __init__(self, path: str) -> None:
        self.path = os.path.realpath(path.encode("utf-8", "surrogateescape"))
        self.status = self._require_file()
        refuse_network_file_system(self.path)
        with open(self.path, "rb") as file:
            header = file.read(100)
        if not header.startswith(b"SQLite format 3\0"):
            raise RefusedError("not_a_database", "it does not begin as an SQLite database does")
        self.is_wal = header[18:20] == b"\2\2"
        self.change_counter = header[24:28]

    def size_of(self, suffix: bytes) -> "int | None":
        """Return the size of a file beside the database, None if there is none; nothing is opened."""
        try:
            return os.stat(self.path + suffix).st_size
        except FileNotFoundError:
            return None

    @property
    def must_be_read_as_immutable(self) -> bool:
        """Tell whether reading a cleanly closed WAL database would need files that we cannot or must not make.

        Made by neither root nor the owner, a -wal would lock the game out of its own database.
        """
        if not self.is_wal or self.size_of(b"-wal") is not None or self.size_of(b"-journal") is not None:
            return False
        return os.geteuid() not in (0, self.status.st_uid) or not os.access(os.path.dirname(self.path), os.W_OK)

    def state(self) -> "list[object]":
        """Return what changes when anybody writes the database."""
        now = Source(self.path.decode("utf-8", "surrogateescape"))
        times = now.status.st_mtime_ns, now.status.st_ctime_ns
        return [now.status.st_size, times, now.change_counter, now.size_of(b"-wal"), now.size_of(b"-journal")]

    def _require_file(self) -> "os.stat_result":
        status = os.stat(self.path)
        if not stat.S_ISREG(status.st_mode):
            raise RefusedError("not_a_file", "it is a folder or a device")
        if not os.access(self.path, os.R_OK):
            raise RefusedError("no_permission", "the account may not read it")
        if status.st_size == 0:
            raise RefusedError("empty", "it is 0 bytes long")
        return status


def refuse_network_file_system(path: bytes) -> None:
    """Raise RefusedError for a path on a file system over which locks do not hold."""
    try:
        with open("/proc/mounts", "rb") as mounts:
            kind = file_system(path, mounts.read())
    except FileNotFoundError:  # not Linux
        return
    if NETWORK_FILE_SYSTEMS.fullmatch(kind):
        raise RefusedError("network_file_system", f"it lies on {kind}")


def file_system(path: bytes, mounts: bytes) -> str:
    """Return the kind of file system a path lies on; `mounts` is the text of /proc/mounts."""
    best, kind = b"", "unknown"
    for line in mounts.splitlines():
        fields = line.split(b" ")
        point = re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match.group(1), 8)]), fields[1])
        inside = path == point or path.startswith(point.rstrip(b"/") + b"/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2].decode()
    return kind


def explain(error: "sqlite3.Error | OSError", source: "Source | None") -> RefusedError:
    """Turn what SQLite or the system says into a reason."""
    text = str(error)
    if isinstance(error, OSError):
        reasons = {errno.ENOSPC: "disk_full", errno.EDQUOT: "disk_full", errno.ENOENT: "missing", errno.ENOTDIR: "missing"}
        reasons.update({errno.EACCES: "no_permission", errno.EPERM: "no_permission"})
        return RefusedError(reasons.get(error.errno or 0, "io_error"), error.strerror or text)
    for pattern, reason in (
        ("not a database|encrypted", "not_a_database"),
        ("malformed", "damaged"),
        ("interrupted", "deadline"),
        ("is full", "disk_full"),
        ("locked|busy", "exclusive_lock" if source is not None and source.is_wal else "locked"),
        ("readonly database|unable to open", _why_read_only(source)),
        ("disk I/O error", "io_error"),
    ):
        if re.search(pattern, text):
            return RefusedError(reason, text)
    return RefusedError("sqlite_error", text)


def _why_read_only(source: "Source | None") -> str:
    if source is not None and source.size_of(b"-journal"):
        return "hot_journal"
    return "read_only_folder" if source is not None and source.is_wal else "no_permission"


def connect(path: bytes, deadline: Deadline, options: str) -> sqlite3.Connection:
    """Open a database by URI; its name may hold anything."""
    uri = "file:" + quote(path) + options
    connection = sqlite3.connect(uri, uri=True, timeout=deadline.remaining(), isolation_level=None)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.set_progress_handler(deadline.passed, 10000)
    return connection
