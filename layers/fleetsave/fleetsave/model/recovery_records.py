"""What is written of a recovery: the request, the plan, what the server said, and the records of every step."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fleetsave.model.kinds import Compression, DumpFormat, Kind
from fleetsave.model.records import Finding, Fingerprint

RECOVERY_SCHEMA_VERSION = 1


class RecoveryState(StrEnum):
    """What a record of a recovery says has been reached; the order is that of a recovery that goes well."""

    REQUESTED = "requested"
    SELECTED = "selected"
    INSPECTED = "inspected"
    SECURED = "secured"
    UPLOADED = "uploaded"
    CHECKED = "checked"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SWAPPING = "swapping"
    SWAPPED = "swapped"
    STARTED = "started"
    RECOVERED = "recovered"
    CANCEL_REQUESTED = "cancel_requested"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class RecoveryRequest:
    """What was asked for, complete: `server_id` is whose backup, `target_server_id` where to.

    `artifact`, `backup_key` and `at` say which backup, `target_path` under which path, each None for what is usual.
    `part` is what of a full backup, `databases/{artifact}` or `files/{set}`, `paths` which paths of a folder, as patterns.
    `undo_of` is the recovery that this one takes back, `undoes_backup` the key of the backup which that one restored,
    `requested_by` the caller as the API knows it, `idempotency` the SHA-256 hex of caller and Idempotency-Key, `digest` that of
    all that was asked.
    """

    server_id: str
    kind: Kind
    target_server_id: str
    requested_by: str
    digest: str
    artifact: str | None = None
    backup_key: str | None = None
    at: datetime | None = None
    target_path: str | None = None
    allow_other_server: bool = False
    allow_unverified: bool = False
    allow_schema_change: bool = False
    undo_of: str | None = None
    idempotency: str | None = None
    part: str | None = None
    paths: list[str] = field(default_factory=list)
    undoes_backup: str | None = None


@dataclass(frozen=True)
class TableRows:
    """The rows of one table now and in the backup, None where it has no such table; `is_estimate` is said of those now."""

    table: str
    rows_now: int | None
    rows_then: int | None
    is_estimate: bool = False


@dataclass(frozen=True)
class Selection:
    """What of an archive is brought back; sizes in bytes.

    `root` is the member that becomes the target, "" for the whole archive under a new folder; a database's member if it is one.
    `paths` are the patterns of the request, none for all. `entries` and `content_size` are those of what was chosen,
    `expected_size` is that of the list of it that goes ahead of it. `links_out` lets links be made that lead out of the target.
    """

    root: str
    paths: list[str]
    entries: int
    content_size: int
    expected_size: int
    links_out: bool = False

    @property
    def is_whole(self) -> bool:
        """Tell whether the target as a whole is replaced."""
        return not self.paths


@dataclass(frozen=True)
class RecoveryPlan:
    """What will be done, decided from the catalog and the fleet file alone; sizes in bytes.

    `kind` is that of what is replaced: a full backup brings back folders and databases. `selection` says what of an archive
    that is; then `plain_size` is what is sent to the server, and `plain_sha256` that of the list of files that goes ahead
    of them, by which each is checked, or of the one database that is sent. `page_size` is that of a SQLite database.
    `target_path` is a file or folder on the server, or the name of a PostgreSQL database. `artifact` is the name of the artifact
    at the target, None for a path where none is. `safety_artifact` is what its state is backed up as. `verdict` is the state of
    the backup in the catalog. `steps` and `warnings` are sentences for a person. `comparison` holds the tables of a PostgreSQL
    database, `compared_with` whose rows stand for now: those of the newest verified backup, or of the database itself.
    """

    backup_key: str
    backup_slot: str
    verdict: str
    kind: Kind
    compression: Compression
    plain_sha256: str
    plain_size: int
    stored_size: int
    fingerprint: Fingerprint | None
    target_server_id: str
    target_path: str
    artifact: str | None
    safety_artifact: str | None
    before: str | None
    after: str | None
    steps: list[str]
    warnings: list[str]
    format: DumpFormat = DumpFormat.PLAIN
    comparison: list[TableRows] = field(default_factory=list)
    compared_with: str | None = None
    selection: Selection | None = None
    page_size: int | None = None


class TargetState(StrEnum):
    """What stands at the target before anything is touched."""

    HEALTHY = "healthy"
    MISSING = "missing"
    EMPTY = "empty"
    DAMAGED = "damaged"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class Survey:
    """What the server said before anything was touched; sizes in bytes.

    `open_by` names the processes that have the target open, as far as the account can see them. `room_needed` is what the
    recovery will take on the target's disk at most, `room_free` what is free there, None where that cannot be seen.
    `comparison` holds the tables of a PostgreSQL database, counted where it lives and at the capture.
    """

    target_state: TargetState
    size: int
    journal_mode: str | None
    page_size: int | None
    schema_sha256: str | None
    room_free: int | None
    room_needed: int
    open_by: list[str]
    runtime: str
    notes: list[str] = field(default_factory=list)
    comparison: list[TableRows] = field(default_factory=list)


@dataclass(frozen=True)
class Safety:
    """The backup of what was there: its key and verdict, or, where there was nothing a backup could be made of, why not."""

    backup_key: str | None
    verdict: str | None
    detail: str


class SwapMethod(StrEnum):
    """How the restored copy takes the target's place."""

    IN_PLACE = "in_place"
    """Through the kind's own engine, in one transaction, into what is there; programs that have it open carry on."""
    SET_ASIDE = "set_aside"
    """What is there is moved aside as one set and kept, and the copy is renamed into its place."""
    PLACE = "place"
    """Nothing is there: the copy is renamed into place, and never over anything."""
    RENAME = "rename"
    """What is there is renamed and kept, and the copy renamed into its place, both in one transaction of the server's."""


@dataclass(frozen=True)
class SwapReport:
    """How the swap went; times in seconds.

    `kept` is where on the server what was there is kept for good, None where the safety backup holds it. `moved_on` tells that
    a program wrote between the swap's commit and the comparison, so that the comparison could not be an exact one.
    """

    method: SwapMethod
    seconds: float
    fingerprint: Fingerprint | None
    moved_on: bool
    kept: str | None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Problem:
    """What went wrong, in the words of the error."""

    error: str
    operation: str
    target: str
    cause: str
    hint: str
    retryable: bool
    reason: str | None = None


@dataclass(frozen=True)
class RecoveryRecord:
    """One step of a recovery: `recoveries/{id}/{number}-{state}.json`, written once and kept for ever.

    `detail` is a sentence for a person; the others are set by the step that has something of that kind to say. `nonce` makes
    each first record like no other: whoever reads its own back has begun the recovery.
    """

    recovery_id: str
    state: RecoveryState
    at: datetime
    detail: str
    fleetsave_version: str
    request: RecoveryRequest | None = None
    plan: RecoveryPlan | None = None
    survey: Survey | None = None
    safety: Safety | None = None
    swap: SwapReport | None = None
    findings: list[Finding] = field(default_factory=list)
    problem: Problem | None = None
    nonce: str | None = None
    schema_version: int = RECOVERY_SCHEMA_VERSION


@dataclass(frozen=True)
class Progress:
    """How far the step under way is, and that somebody is at it; bytes."""

    recovery_id: str
    at: datetime
    done: int
    total: int
