"""A recovery as its records tell it: what was reached, where it stands, and what may still be done about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import (
    Progress,
    RecoveryPlan,
    RecoveryRecord,
    RecoveryRequest,
    RecoveryState,
    Safety,
    Survey,
    SwapReport,
)

SILENT_FOR = timedelta(minutes=30)
"""A recovery that is not finished and has said nothing for so long is stalled: its worker, or its message, is gone."""


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
    UNKNOWN_PART = "unknown_part"
    NOTHING_CHOSEN = "nothing_chosen"
    LINKS_OUT = "links_out"
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
