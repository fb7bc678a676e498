"""One run of a recovery: its records, the way to its server, and the clock."""

from collections.abc import Callable
from typing import Any, TypeVar

import fleetsave
from fleetsave.model.errors import FleetsaveError, RestoreError, TransportError
from fleetsave.model.keys import BackupKey
from fleetsave.model.records import StoredRecord
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import Problem, Progress, RecoveryPlan, RecoveryRecord, RecoveryState
from fleetsave.recover.ports import Ports
from fleetsave.recover.targets import OpenTarget, planned
from fleetsave.sources.base import Restorer

Given = TypeVar("Given")

PAUSES = (2.0, 5.0, 10.0)
"""Seconds before what may pass by itself is tried again on the server; after the last it counts as failed."""

_SECONDS_BETWEEN_PROGRESS = 2.0


class NearDeadlineError(Exception):
    """The run must end; the recovery goes on in another."""


class CancelledError(Exception):
    """A person wants the recovery to stop."""


class Run:
    """The state of one run; `close` gives the connection back."""

    def __init__(self, recovery: Recovery, ports: Ports) -> None:
        self.recovery = recovery
        self.ports = ports
        self._target: OpenTarget | None = None
        self._stored: StoredRecord | None = None
        self._told_at = ports.now()
        self.tell(0, 0)

    @property
    def id(self) -> RecoveryId:
        """Return which recovery this is."""
        return self.recovery.id

    @property
    def plan(self) -> RecoveryPlan:
        """Return the plan. Raise ValueError before it was made."""
        return planned(self.recovery)

    @property
    def stored(self) -> StoredRecord:
        """Return the record of the backup that is brought back, read once."""
        if self._stored is None:
            self._stored = self.ports.catalog.stored(BackupKey.parse(self.plan.backup_key))
        return self._stored

    @property
    def target(self) -> OpenTarget:
        """Return the way to what is restored to, opened on first use. Raise ConfigurationError or TransportError."""
        if self._target is None:
            self._target = self.ports.open_target(self.recovery)
        return self._target

    @property
    def restorer(self) -> Restorer:
        """Return the way of this backup into its target."""
        return self.target.restorer

    def run_hook(self, name: str, command: str) -> str:
        """Run one of the server's commands, persistently, and return a sentence. Raise RestoreError if it fails."""
        return self._persistently(lambda: self.target.run_hook(name, command))

    def on_server(self, work: Callable[[Restorer], Given]) -> Given:
        """Do something on the server, and again after a while if what went wrong may pass; at last raise it."""
        return self._persistently(lambda: work(self.restorer))

    def say(self, state: RecoveryState, detail: str, **what: Any) -> None:
        """Write the record of a state."""
        record = RecoveryRecord(str(self.id), state, self.ports.now(), detail, fleetsave.__version__, **what)
        self.recovery = self.ports.recoveries.append(self.recovery, record)

    def tell(self, done: int, total: int) -> None:
        """Tell how far the step is, and that somebody is at it."""
        now = self.ports.now()
        self._told_at = now
        self.ports.recoveries.save_progress(self.id, Progress(str(self.id), now, done, total))

    def tell_now_and_then(self, done: int, total: int) -> None:
        """Tell how far the step is, unless that was told a moment ago."""
        if (self.ports.now() - self._told_at).total_seconds() >= _SECONDS_BETWEEN_PROGRESS:
            self.tell(done, total)

    def look_up(self) -> None:
        """Read the records again. Raise CancelledError if a person wants it to stop and it still can, NearDeadlineError."""
        self.recovery = self.ports.recoveries.load(self.id)
        if self.recovery.is_cancel_requested and self.recovery.can_cancel:
            raise CancelledError
        self.require_time(0)

    def require_time(self, seconds: float) -> None:
        """Raise NearDeadlineError unless the run may take longer than so many seconds."""
        if self.ports.seconds_left() <= seconds:
            raise NearDeadlineError

    def close(self) -> None:
        """Close the way to the target; closing twice is no error."""
        if self._target is not None:
            self._target.close()
            self._target = None

    def _persistently(self, work: Callable[[], Given]) -> Given:
        for seconds in PAUSES:
            try:
                return work()
            except (TransportError, RestoreError) as error:
                if not error.retryable:
                    raise
                self.close()
                self.ports.pause(seconds)
        return work()


def problem_of(error: FleetsaveError) -> Problem:
    """Return an error as records keep it."""
    reason = getattr(error, "reason", None)
    told = (type(error).__name__, error.operation, error.target, error.cause, error.hint, error.retryable)
    return Problem(*told, str(reason) if reason else None)


def spell(error: FleetsaveError) -> str:
    """Return an error as one sentence for a person."""
    return f"{error.operation} {error.target}: {error.cause}"
