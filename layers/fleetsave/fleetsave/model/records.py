"""The records of a backup: immutable JSON objects, append-only, kept for ever."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from fleetsave.model.archives import ArchiveReport
from fleetsave.model.dumps import DumpReport
from fleetsave.model.fingerprints import Fingerprint, Value
from fleetsave.model.kinds import Compression

__all__ = [
    "ArchiveReport",
    "CaptureReport",
    "DumpReport",
    "Finding",
    "Fingerprint",
    "Level",
    "Outcome",
    "PartRecord",
    "PrunedRecord",
    "StoredRecord",
    "Value",
    "VerdictRecord",
]

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class CaptureReport:
    """How the consistent snapshot of a SQLite database was taken; sizes in bytes, times in seconds.

    `snapshot_id` names one snapshot for ever: two captures never share it, so a resumed transfer cannot splice two.
    `sha256_origin` is `source` where the server hashed the frozen snapshot itself, `collector` where the snapshot was
    recovered on our side. `lock_seconds` is how long a read lock was held; `writer_stall_seconds` is the longest a
    writer can have waited for it (0 under WAL, where readers do not block writers).
    """

    snapshot_id: str
    method: str
    journal_mode: str
    page_size: int
    page_count: int
    size: int
    sha256: str
    sha256_origin: str
    seconds: float
    lock_seconds: float
    writer_stall_seconds: float
    source_path: str
    source_size: int
    source_mtime: float
    sqlite_version: str
    runtime: str
    fingerprint: Fingerprint | None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PartRecord:
    """One uploaded part: whole zstd frames of the plain bytes up to `plain_end`; `etag` is the MD5 hex of the part."""

    number: int
    size: int
    etag: str
    sha256: str
    plain_end: int


@dataclass(frozen=True)
class StoredRecord:
    """A backup has been stored: `stored.json`.

    `stored_sha256` is null for an upload that went on in a second run; its parts' digests cover every byte all the same.
    """

    key: str
    server_id: str
    kind: str
    artifact: str
    slot: str
    compression: Compression
    plain_sha256: str
    plain_size: int
    stored_sha256: str | None
    stored_size: int
    etag: str
    parts: list[PartRecord]
    capture: CaptureReport | DumpReport | ArchiveReport
    started_at: datetime
    finished_at: datetime
    fleetsave_version: str
    restore_by_hand: list[str]
    source_path: str
    repair: int = 0
    schema_version: int = SCHEMA_VERSION

    @property
    def snapshot(self) -> CaptureReport:
        """Return how a SQLite database was captured. Raise ValueError for a backup of another kind."""
        if isinstance(self.capture, CaptureReport):
            return self.capture
        raise ValueError(f"{self.key} was not captured from SQLite")

    @property
    def dump(self) -> DumpReport:
        """Return how a PostgreSQL database was dumped. Raise ValueError for a backup of another kind."""
        if isinstance(self.capture, DumpReport):
            return self.capture
        raise ValueError(f"{self.key} is not a dump")

    @property
    def archive(self) -> ArchiveReport:
        """Return how an archive was taken. Raise ValueError for a backup of another kind."""
        if isinstance(self.capture, ArchiveReport):
            return self.capture
        raise ValueError(f"{self.key} is not an archive")


class Level(IntEnum):
    """How far a backup has been proven."""

    ARRIVED = 0
    CHECKSUM = 1
    COMPLETE = 2
    RESTORED = 3
    EQUAL_TO_SOURCE = 4
    APPLICATION = 5


class Outcome(StrEnum):
    """What one check found."""

    PASSED = "passed"
    FAILED = "failed"
    SUSPECT = "suspect"
    INCONCLUSIVE = "inconclusive"
    WARNING = "warning"
    """What a person should know, and no reason to trust the backup less."""
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """The answer of one check: its name, what it found, the evidence, and the level it proves if it passed."""

    check: str
    outcome: Outcome
    detail: str
    level: Level | None = None


@dataclass(frozen=True)
class VerdictRecord:
    """A backup has been judged: `verified.json`, `suspect.json`, `inconclusive.json` or `rejected.json`."""

    key: str
    verdict: str
    level: Level
    findings: list[Finding]
    etag: str
    stored_sha256: str
    plain_sha256: str
    started_at: datetime
    seconds: float
    verifier_version: str
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True)
class PrunedRecord:
    """A backup's data has been deleted by decision: `pruned.json`."""

    key: str
    reason: str
    pruned_at: datetime
    size: int
    policy: dict[str, str | int | float | None]
    newest_verified_key: str
    fleetsave_version: str
    schema_version: int = SCHEMA_VERSION
