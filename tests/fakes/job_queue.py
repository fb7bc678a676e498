"""A queue and an announcer that remember what they were given."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey
from fleetsave.model.recovery_jobs import RecoveryJob


@dataclass
class RecordingQueue:
    """Keeps jobs in order; `postponed` holds (receipt handle, receive count), `returned` receipt handles."""

    jobs: list[Job] = field(default_factory=list)
    postponed: list[tuple[str, int]] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)

    def send(self, jobs: Sequence[Job]) -> None:
        self.jobs.extend(jobs)

    def postpone(self, receipt_handle: str, receive_count: int) -> None:
        self.postponed.append((receipt_handle, receive_count))

    def return_at_once(self, receipt_handle: str) -> None:
        self.returned.append(receipt_handle)


@dataclass
class RecordingVerificationQueue:
    """Keeps the keys that a verdict was asked for: `keys` as a matter of course, `forced` whatever verdict there is."""

    keys: list[BackupKey] = field(default_factory=list)
    forced: list[BackupKey] = field(default_factory=list)

    def send(self, keys: Sequence[BackupKey], *, force: bool = False) -> None:
        (self.forced if force else self.keys).extend(keys)


@dataclass
class RecordingAnnouncer:
    """Keeps the keys that were announced."""

    keys: list[str] = field(default_factory=list)

    def announce(self, bucket: str, key: str, size: int, etag: str) -> None:  # noqa: ARG002 - the port's arguments
        self.keys.append(key)


@dataclass
class RecordingRecoveryQueue:
    """Keeps recovery jobs in order, and what was to be delivered again as `RecordingQueue` does."""

    jobs: list[RecoveryJob] = field(default_factory=list)
    postponed: list[tuple[str, int]] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)

    def send(self, job: RecoveryJob) -> None:
        self.jobs.append(job)

    def postpone(self, receipt_handle: str, receive_count: int) -> None:
        self.postponed.append((receipt_handle, receive_count))

    def return_at_once(self, receipt_handle: str) -> None:
        self.returned.append(receipt_handle)
