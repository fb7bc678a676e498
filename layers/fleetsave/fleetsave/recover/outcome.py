"""What a run of recover came to."""

from dataclasses import dataclass

from fleetsave.model.recovery_jobs import RecoveryJob
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import RecoveryState


@dataclass(frozen=True)
class Finished:
    """The recovery has ended, in this run or before it."""

    recovery_id: RecoveryId
    state: RecoveryState


@dataclass(frozen=True)
class HandedOn:
    """The deadline came first; the recovery was queued again and goes on after what its records say."""

    job: RecoveryJob
    reached: RecoveryState


Outcome = Finished | HandedOn
