"""Whether far more bytes are stored of an artifact than used to be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, median

from fleetsave.model.history import Backup
from fleetsave.model.keys import BackupKey, RecordName

FACTOR = 3.0
"""How many times the usual day's bytes are far more: a new world or season doubles what there is, a leak does not stop there."""

SURPLUS_BYTES = 1 << 30
"""And how many bytes more it must be: below that nobody pays for it."""

MINIMUM_DAYS = 7
"""With fewer days to compare with, nobody knows what is usual."""

MAXIMUM_DAYS = 30
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Growth:
    """Bytes stored of the slots of the last day, and of a usual day before."""

    last_day: int
    usual_day: int

    @property
    def is_unusual(self) -> bool:
        """Tell whether that is far more than usual."""
        return self.last_day > FACTOR * self.usual_day and self.last_day - self.usual_day > SURPLUS_BYTES


def growth(sizes: Mapping[BackupKey, int], backups: Iterable[Backup], now: datetime) -> Growth | None:
    """Compare the last day with the median of the 30 before it; None with fewer than MINIMUM_DAYS to compare with.

    `sizes` holds the stored bytes of what is in the store, `backups` all that was ever stored: a day of which prune has left but
    one backup counts as many times that as it had.
    """
    by_day: dict[int, list[int]] = {}
    for key, size in sizes.items():
        by_day.setdefault(_age(key, now), []).append(size)
    counts: dict[int, int] = {}
    for backup in backups:
        if RecordName.STORED in backup.recorded_at:
            day = _age(backup.key, now)
            counts[day] = counts.get(day, 0) + 1
    totals = {day: fmean(found) * max(counts.get(day, 0), len(found)) for day, found in by_day.items()}
    before = [totals[day] for day in range(1, MAXIMUM_DAYS + 1) if day in totals]
    if len(before) < MINIMUM_DAYS:
        return None
    return Growth(int(totals.get(0, 0)), int(median(before)))


def _age(key: BackupKey, now: datetime) -> int:
    """Return how many whole days a backup's slot lies back."""
    return (now - key.slot.at) // _DAY
