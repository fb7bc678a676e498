"""What verifying a backup came to."""

from dataclasses import dataclass

from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.records import VerdictRecord


@dataclass(frozen=True)
class NoRecordYet:
    """There is no `stored.json`; its own event follows once it has been written."""

    key: BackupKey


@dataclass(frozen=True)
class Pruned:
    """The backup's data was deleted by decision; there is nothing to verify."""

    key: BackupKey


@dataclass(frozen=True)
class AlreadyJudged:
    """An earlier run has judged these very bytes; `repair` is the job queued again for a rejected backup."""

    key: BackupKey
    verdict: RecordName
    repair: Job | None


@dataclass(frozen=True)
class Judged:
    """The bytes were read and judged; `written` tells whether the verdict is new to the catalog."""

    key: BackupKey
    verdict: RecordName
    record: VerdictRecord
    written: bool
    repair: Job | None


Outcome = NoRecordYet | Pruned | AlreadyJudged | Judged
