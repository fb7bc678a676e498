"""A server that lives in memory: what `ServerSource` is to collect, without a server."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatch
from typing import Any

from fleetsave.model.archives import ArchiveOrder
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.fleet import SqliteDatabase
from fleetsave.model.records import CaptureReport, Fingerprint
from tests.fakes.live_archive import FakeArchive


def report(content: bytes, snapshot_id: str, path: str) -> CaptureReport:
    return CaptureReport(
        snapshot_id=snapshot_id,
        method="python_backup",
        journal_mode="wal",
        page_size=4096,
        page_count=len(content) // 4096,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        sha256_origin="source",
        seconds=0.1,
        lock_seconds=0.1,
        writer_stall_seconds=0.0,
        source_path=path,
        source_size=len(content),
        source_mtime=1.0,
        sqlite_version="3.40.1",
        runtime="python 3.11.2",
        fingerprint=Fingerprint({"ledger": 3}, "00"),
    )


@dataclass
class Snapshot:
    """A frozen snapshot; `released` tells whether it was removed."""

    report: CaptureReport
    content: bytes
    resumable: bool
    fails_at: int | None = None
    error: FleetsaveError | None = None
    released: bool = False

    def read(self, offset: int) -> Iterator[bytes]:
        end = len(self.content) if self.fails_at is None else self.fails_at
        for start in range(offset, end, 1 << 20):
            yield self.content[start : min(start + (1 << 20), end)]
        if self.fails_at is not None:
            assert self.error is not None
            raise self.error

    def release(self) -> None:
        self.released = True


@dataclass
class FakeSource:
    """Files by path; snapshots by name stay until they are released, unless `resumable` is false."""

    files: dict[str, bytes] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    resumable: bool = True
    fails_at: int | None = None
    error: FleetsaveError | None = None
    captures: int = 0
    archive: FakeArchive | None = None
    orders: list[ArchiveOrder] = field(default_factory=list)

    def expand(self, database: SqliteDatabase) -> list[str]:
        return sorted(path for path in self.files if fnmatch(path, database.path)) if database.is_glob else [database.path]

    def capture(self, database: SqliteDatabase, source_path: str, name: str, **_: Any) -> Snapshot:
        del database
        self.captures += 1
        content = self.files[source_path]
        snapshot = Snapshot(
            report(content, f"snapshot-{self.captures}", source_path), content, self.resumable, self.fails_at, self.error
        )
        self.snapshots[name] = snapshot
        return snapshot

    def resume(self, name: str) -> Snapshot | None:
        snapshot = self.snapshots.get(name)
        if snapshot is None or snapshot.released or not snapshot.resumable:
            return None
        snapshot.fails_at = self.fails_at
        snapshot.error = self.error
        return snapshot

    def sweep(self, *, older_than: timedelta) -> list[str]:
        del older_than
        return []

    @contextmanager
    def open_archive(self, order: ArchiveOrder, should_stop: Callable[[], bool]) -> Iterator[FakeArchive]:
        del should_stop
        self.orders.append(order)
        assert self.archive is not None, "no test here archives anything"
        yield self.archive

    def close(self) -> None:
        """Nothing is open."""
