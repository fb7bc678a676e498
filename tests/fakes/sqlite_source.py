"""A source whose servers live in memory: what `sources.sqlite.source` is to collect, without a server."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatch
from typing import Any

from fleetsave.model.errors import FleetsaveError
from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.model.keys import ArtifactId
from fleetsave.model.records import CaptureReport, Fingerprint
from fleetsave.model.slots import Slot
from fleetsave.sources.sqlite import names
from fleetsave.transports.base import Transport


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

    def expand(self, transport: Transport, database: SqliteDatabase) -> list[str]:  # noqa: ARG002 - the source's arguments
        return sorted(path for path in self.files if fnmatch(path, database.path))

    def require_match(self, database: SqliteDatabase, path: str) -> None:
        names.require_match(database, path)

    def artifact_name(self, database: SqliteDatabase, path: str) -> str:
        return names.artifact_name(database, path)

    def snapshot_name(self, artifact_id: ArtifactId, slot: Slot) -> str:
        return f"{artifact_id.artifact}-{slot.text}"

    def capture(
        self, transport: Transport, server: Server, database: SqliteDatabase, source_path: str, name: str, **_: Any
    ) -> Snapshot:  # fmt: skip
        del transport, server, database
        self.captures += 1
        content = self.files[source_path]
        snapshot = Snapshot(
            report(content, f"snapshot-{self.captures}", source_path), content, self.resumable, self.fails_at, self.error
        )
        self.snapshots[name] = snapshot
        return snapshot

    def resume(self, transport: Transport, server: Server, name: str) -> Snapshot | None:
        del transport, server
        snapshot = self.snapshots.get(name)
        if snapshot is None or snapshot.released or not snapshot.resumable:
            return None
        snapshot.fails_at = self.fails_at
        snapshot.error = self.error
        return snapshot

    def sweep(self, transport: Transport, server: Server, *, older_than: timedelta) -> list[str]:
        del transport, server, older_than
        return []
