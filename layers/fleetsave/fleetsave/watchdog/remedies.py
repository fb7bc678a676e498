"""What a look would have done, gathered first and sent at its end: each thing once, and nothing at all by a dry look."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fleetsave.model.errors import FleetsaveError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey
from fleetsave.store.base import OpenUpload
from fleetsave.watchdog.ports import Ports


@dataclass
class Remedies:
    """Captures to queue, each with what it counts as; backups to judge, or to read again by force; uploads to abort."""

    captures: dict[Job, str] = field(default_factory=dict)
    verifications: set[BackupKey] = field(default_factory=set)
    rejections: set[BackupKey] = field(default_factory=set)
    rereads: set[BackupKey] = field(default_factory=set)
    uploads: set[OpenUpload] = field(default_factory=set)

    def merge(self, other: "Remedies") -> None:
        """Add what another part of the look would have done."""
        self.captures = {**other.captures, **self.captures}
        self.verifications |= other.verifications
        self.rejections |= other.rejections
        self.rereads |= other.rereads
        self.uploads |= other.uploads


REQUEUED = "captures_requeued"
SWEPT = "sweeps_queued"
NOTHING_DONE = dict.fromkeys(
    (REQUEUED, SWEPT, "verifications_requeued", "verifications_forced", "backups_reread", "uploads_aborted"), 0
)
"""Every remedy, for a look that took none."""


@dataclass(frozen=True)
class Taken:
    """How often each remedy was taken, and what kept the others from being."""

    did: dict[str, int]
    failures: list[tuple[str, FleetsaveError]]
    """Each with the name of the queue, or the key of the upload."""


def take(remedies: Remedies, ports: Ports) -> Taken:
    """Send and abort what is to be; one thing that fails keeps nothing else from being done."""
    did = dict(NOTHING_DONE)
    failures: list[tuple[str, FleetsaveError]] = []
    for counted, part, take_it in _steps(remedies, ports):
        try:
            take_it()
        except FleetsaveError as error:
            failures.append((part, error))
        else:
            for name in counted:
                did[name] += 1
    return Taken(did, failures)


def _steps(remedies: Remedies, ports: Ports) -> Iterator[tuple[list[str], str, Callable[[], None]]]:
    """Yield each step with what it counts as, thing by thing, and the name of what it needs."""
    jobs = sorted(remedies.captures, key=lambda job: job.identity)
    if jobs:
        yield [remedies.captures[job] for job in jobs], "collect queue", lambda: ports.collect_queue.send(jobs)
    forced = remedies.rejections | remedies.rereads
    asked = sorted(remedies.verifications - forced)
    if asked:
        yield ["verifications_requeued"] * len(asked), "verify queue", lambda: ports.verify_queue.send(asked)
    if forced:
        reread = remedies.rereads - remedies.rejections
        counted = ["verifications_forced"] * len(remedies.rejections) + ["backups_reread"] * len(reread)
        yield counted, "verify queue", lambda: ports.verify_queue.send(sorted(forced), force=True)
    for upload in sorted(remedies.uploads, key=lambda one: (one.key, one.upload_id)):
        yield ["uploads_aborted"], upload.key, _aborting(upload, ports)


def _aborting(upload: OpenUpload, ports: Ports) -> Callable[[], None]:
    return lambda: ports.store.abort_upload(upload.key, upload.upload_id)
