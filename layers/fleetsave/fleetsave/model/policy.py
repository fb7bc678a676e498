"""Retention policies: how long backups of an artifact are kept."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class RetentionPolicy:
    """How long to keep, and how much one run may delete.

    Backups older than `keep_for` may go, except the `keep_last` newest verified ones. With any of `hourly` ... `monthly`
    above zero, younger backups are thinned too: the newest verified one of each of the last so many hours, days, weeks
    and months stays. `maximum_share` is the greatest part (0 to 1) of an artifact's backups that one run may delete.
    """

    keep_for: timedelta = timedelta(days=30)
    keep_last: int = 3
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    maximum_share: float = 0.5
