"""A recovery: what was asked, what is planned, every step as a record, and what the records say of where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from fleetsave.model.keys import RecoveryId
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.records import Finding, Fingerprint

RECOVERY_SCHEMA_VERSION = 1

SILENT_FOR = timedelta(minutes=30)
"""A recovery that is not finished and has said nothing for so long is stalled: its worker, or its message, is gone."""


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


STEPS = tuple(RecoveryState)[: tuple(RecoveryState).index(RecoveryState.RECOVERED) + 1]
"""The states of a recovery that goes well, in order."""

FINAL = frozenset(
    {
        RecoveryState.RECOVERED,
        RecoveryState.ROLLED_BACK,
        RecoveryState.CANCELLED,
        RecoveryState.FAILED,
        RecoveryState.UNRESOLVED,
    }
)
"""The states after which a recovery does nothing more; only after `unresolved` must a person look at the server."""


class Status(StrEnum):
    """Where a recovery stands, in one word for people and programs that wait."""

    QUEUED = "queued"
    RUNNING = "running"
    STALLED = "stalled"
    CANCELLING = "cancelling"
    ROLLING_BACK = "rolling_back"
    RECOVERED = "recovered"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNRESOLVED = "unresolved"


class Reason(StrEnum):
    """Why a request is refused before anything is touched."""

    UNKNOWN_SERVER = "unknown_server"
    UNKNOWN_ARTIFACT = "unknown_artifact"
    AMBIGUOUS_ARTIFACT = "ambiguous_artifact"
    UNKNOWN_BACKUP = "unknown_backup"
    NO_BACKUP = "no_backup"
    OTHER_SERVERS_BACKUP = "other_servers_backup"
    WRONG_TYPE = "wrong_type"
    UNSUPPORTED_TYPE = "unsupported_type"
    PRUNED = "pruned"
    REJECTED = "rejected"
    NOT_VERIFIED = "not_verified"
    TARGET_NOT_ALLOWED = "target_not_allowed"
    RECOVERY_RUNNING = "recovery_running"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    TOO_LATE = "too_late"
    NOTHING_TO_UNDO = "nothing_to_undo"
    ALREADY_FINISHED = "already_finished"
    UNKNOWN_RECOVERY = "unknown_recovery"


@dataclass(frozen=True)
class RecoveryRequest:
    """What was asked for, complete: `server_id` is whose backup, `target_server_id` where to.

    `artifact`, `backup_key` and `at` say which backup, `target_path` under which path, each None for what is usual.
    `undo_of` is the recovery that this one takes back, `requested_by` the caller as the API knows it, `idempotency` the
    SHA-256 hex of caller and Idempotency-Key, `digest` that of all that was asked.
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


@dataclass(frozen=True)
class RecoveryPlan:
    """What will be done, decided from the catalog and the fleet file alone; sizes in bytes.

    `artifact` is the name of the artifact at the target, None for a path where none is. `safety_artifact` is what its state
    is backed up as. `verdict` is the state of the backup in the catalog. `steps` and `warnings` are sentences for a person.
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
    recovery will take on the target's disk at most, `room_free` what is free there.
    """

    target_state: TargetState
    size: int
    journal_mode: str | None
    page_size: int | None
    schema_sha256: str | None
    room_free: int
    room_needed: int
    open_by: list[str]
    runtime: str
    notes: list[str] = field(default_factory=list)


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

    `detail` is a sentence for a person; the others are set by the step that has something of that kind to say.
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
    schema_version: int = RECOVERY_SCHEMA_VERSION


@dataclass(frozen=True)
class Progress:
    """How far the step under way is, and that somebody is at it; bytes."""

    recovery_id: str
    at: datetime
    done: int
    total: int


@dataclass(frozen=True)
class Recovery:
    """All records of one recovery, in the order in which they were written; the first is its request."""

    id: RecoveryId
    records: Sequence[RecoveryRecord]

    @property
    def request(self) -> RecoveryRequest:
        """Return what was asked for. Raise ValueError if the first record does not say."""
        request = self.records[0].request
        if request is None:
            raise ValueError(f"the first record of {self.id} holds no request")
        return request

    @property
    def is_finished(self) -> bool:
        """Tell whether nothing more will happen."""
        return any(record.state in FINAL for record in self.records)

    @property
    def is_cancel_requested(self) -> bool:
        """Tell whether a person wants it to stop."""
        return self.has(RecoveryState.CANCEL_REQUESTED)

    @property
    def reached(self) -> RecoveryState:
        """Return the furthest state of a recovery that goes well."""
        states = {record.state for record in self.records}
        return max(states & set(STEPS), key=STEPS.index, default=RecoveryState.REQUESTED)

    def has(self, state: RecoveryState) -> bool:
        """Tell whether a state has been reached."""
        return any(record.state is state for record in self.records)

    def record(self, state: RecoveryState) -> RecoveryRecord | None:
        """Return the newest record of a state, None if there is none."""
        return next((record for record in reversed(self.records) if record.state is state), None)

    @property
    def plan(self) -> RecoveryPlan | None:
        """Return the plan, None before it was made."""
        return next((record.plan for record in self.records if record.plan), None)

    @property
    def survey(self) -> Survey | None:
        """Return what the server said before anything was touched, None before it did."""
        return next((record.survey for record in self.records if record.survey), None)

    @property
    def safety(self) -> Safety | None:
        """Return the backup of what was there, None before it was made."""
        return next((record.safety for record in self.records if record.safety), None)

    @property
    def swap(self) -> SwapReport | None:
        """Return how the swap went, None before it was done."""
        return next((record.swap for record in reversed(self.records) if record.swap), None)

    @property
    def can_cancel(self) -> bool:
        """Tell whether it can still be stopped with everything as it was; after the swap began it can be undone instead."""
        return not self.is_finished and not self.has(RecoveryState.SWAPPING)

    @property
    def can_undo(self) -> bool:
        """Tell whether there is a safety backup to bring back."""
        return self.has(RecoveryState.RECOVERED) and self.safety is not None and self.safety.backup_key is not None

    def is_stalled(self, now: datetime, progress: Progress | None) -> bool:
        """Tell whether nobody seems to work on it any more; `now` and the records' times are the functions' clock."""
        last = self.records[-1].at
        if progress is not None and progress.recovery_id == str(self.id):
            last = max(last, progress.at)
        return not self.is_finished and now - last > SILENT_FOR

    def status(self, now: datetime, progress: Progress | None) -> Status:
        """Return where it stands."""
        final = next((record.state for record in self.records if record.state in FINAL), None)
        if final is not None:
            return Status(final.value)
        if self.is_stalled(now, progress):
            return Status.STALLED
        if self.has(RecoveryState.ROLLING_BACK):
            return Status.ROLLING_BACK
        if self.is_cancel_requested:
            return Status.CANCELLING
        return Status.QUEUED if self.reached is RecoveryState.REQUESTED else Status.RUNNING
