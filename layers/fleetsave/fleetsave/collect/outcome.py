"""What a run of collect came to."""

from dataclasses import dataclass

from fleetsave.model.jobs import Job
from fleetsave.model.records import StoredRecord
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.slots import Slot


@dataclass(frozen=True)
class Stored:
    """The backup is in the store, with its record."""

    record: StoredRecord


@dataclass(frozen=True)
class AlreadyStored:
    """An earlier run had stored this slot; nothing was captured."""

    key: str


@dataclass(frozen=True)
class HandedOn:
    """The deadline came first; the job was queued again and goes on at `plain_offset`."""

    job: Job
    plain_offset: int


@dataclass(frozen=True)
class Expanded:
    """The job was a glob; one job was queued for each file it matched."""

    jobs: list[Job]


@dataclass(frozen=True)
class HeldOff:
    """A recovery of the server was under way until the deadline; the job was queued again, and nothing was begun."""

    job: Job
    recovery_id: RecoveryId


@dataclass(frozen=True)
class Superseded:
    """A newer slot is due, and it is stored, or its own job sees to what is left to do; nothing was captured."""

    newest: Slot


@dataclass(frozen=True)
class Swept:
    """What runs of more than a day ago had left on the server was removed; nothing was captured."""

    names: list[str]


Outcome = Stored | AlreadyStored | HandedOn | Expanded | HeldOff | Superseded | Swept
