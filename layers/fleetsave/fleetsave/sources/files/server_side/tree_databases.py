"""SQLite databases in an archive: never as they lie there, always as SQLite itself gives them, in one transaction."""

import os
import sqlite3
from collections.abc import Iterator
from typing import Any

from fleetsave.sources.files.server_side.file_content import READ_SIZE, FileContent
from fleetsave.sources.files.server_side.tar_members import MemberMeta
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request, Source, explain
from fleetsave.sources.sqlite.server_side.snapshot import take_snapshot
from fleetsave.sources.sqlite.server_side.staging import Staging

SQLITE_MAGIC = b"SQLite format 3\0"
BESIDE_DATABASES = (b"-wal", b"-shm", b"-journal")
TREE_DATABASE_SECONDS = 300.0
TREE_LOCK_SECONDS = 60.0


class DatabaseSnapshots:
    """Takes the snapshots of one archive, one at a time, in the staging folder. `name` begins the names they have there."""

    def __init__(self, staging: "str | None", name: str, deadline: Deadline) -> None:
        self._staging = staging
        self._name = name
        self._deadline = deadline

    def met(self, path: bytes, meta: MemberMeta) -> "FrozenContent":
        """Capture a database that was met in a folder; as `taken`."""
        seconds = min(TREE_DATABASE_SECONDS, self._deadline.remaining() / 4)
        return self.taken(path.decode("utf-8", "surrogateescape"), {}, seconds, TREE_LOCK_SECONDS, meta)

    def taken(
        self, path: str, checks: "dict[str, str] | None", seconds: float, lock_limit: float, meta: MemberMeta
    ) -> "FrozenContent":
        """Capture a database; what is frozen of it has no name any more, and is gone with this process.

        Raise RefusedError if there is no consistent snapshot of it.
        """
        values = {"operation": "snapshot", "path": path, "name": self._name, "staging": self._staging, "checks": checks}
        request = Request(dict(values, deadline=min(seconds, self._deadline.remaining()), lock_limit=lock_limit))
        deadline = Deadline(request.deadline)
        source = None
        try:
            Staging(self._staging).drop(self._name)  # left by a run that was killed
            source = Source(path)
            return self._opened(take_snapshot(request, source, deadline), meta)
        except RefusedError as error:
            refused = error
        except (sqlite3.Error, OSError) as error:
            refused = explain(error, source)
        raise deadline.refusal() if refused.cause == "interrupted" else refused

    def _opened(self, report: "dict[str, Any]", meta: MemberMeta) -> "FrozenContent":
        try:
            descriptor = os.open(os.fsencode(report.pop("path")), os.O_RDONLY | os.O_NOFOLLOW)
        finally:
            Staging(self._staging).drop(self._name)
        return FrozenContent(meta, descriptor, dict(report, sha256_origin="source"))


class FrozenContent(FileContent):
    """A frozen database, which has no name any more."""

    def __init__(self, meta: MemberMeta, descriptor: int, report: "dict[str, Any]") -> None:
        super().__init__(meta, int(report["size"]))
        self.sqlite = report
        self._descriptor = descriptor

    def pieces(self) -> "Iterator[bytes | int]":
        """Yield the whole of it."""
        position = 0
        while position < self.size:
            data = os.pread(self._descriptor, min(READ_SIZE, self.size - position), position)
            if not data:
                raise RefusedError("io_error", "a frozen database became shorter while it was read")
            yield data
            position += len(data)

    def close(self) -> None:
        """Let go of it, which is its end."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_beside_database(name: bytes, is_database: "Any") -> bool:
    """Tell whether a file belongs to a database beside it; `is_database` tells that of a name."""
    return any(name.endswith(suffix) and is_database(name[: -len(suffix)]) for suffix in BESIDE_DATABASES)
