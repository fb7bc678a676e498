"""What a listing of the catalog tells of each backup, without opening a single record."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleetsave.model.keys import BackupKey, RecordName


class State(StrEnum):
    """Where a backup stands; the first of pruned, rejected, verified, suspect, inconclusive, stored that has a record."""

    STORED = "stored"
    VERIFIED = "verified"
    SUSPECT = "suspect"
    INCONCLUSIVE = "inconclusive"
    REJECTED = "rejected"
    PRUNED = "pruned"


_PRECEDENCE = (
    RecordName.PRUNED,
    RecordName.REJECTED,
    RecordName.VERIFIED,
    RecordName.SUSPECT,
    RecordName.INCONCLUSIVE,
    RecordName.STORED,
)


@dataclass(frozen=True)
class Backup:
    """One backup as the catalog's listing shows it: the time each of its records was written, by the store's clock."""

    key: BackupKey
    recorded_at: Mapping[RecordName, datetime]

    @property
    def state(self) -> State:
        """Return where the backup stands; a person who accepts a suspect backup does so by a verified record."""
        for record in _PRECEDENCE:
            if record in self.recorded_at:
                return State(record)
        return State.STORED

    @property
    def is_pinned(self) -> bool:
        """Tell whether a person has asked to keep this backup for ever."""
        return RecordName.PINNED in self.recorded_at
