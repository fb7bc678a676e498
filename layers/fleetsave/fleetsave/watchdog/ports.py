"""What the watchdog needs of the world, in one place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.kinds import Kind
from fleetsave.model.schedules import Schedule
from fleetsave.queues import JobQueue, VerificationQueue
from fleetsave.store.base import ObjectStore


@dataclass(frozen=True)
class Ports:
    """The ports of one look.

    `schedules` says when each kind is captured; what has none is not expected. `rpo` is how old the newest verified backup of
    what is captured hourly may be, `reread` how often each backup is read again, None for never, and `default_keep_for` how
    long a backup is kept where the fleet file does not say. `now` is our own clock. `list_concurrency` is how many listings
    are under way at once.
    """

    store: ObjectStore
    catalog: Catalog
    recoveries: Recoveries
    collect_queue: JobQueue
    verify_queue: VerificationQueue
    schedules: Mapping[Kind, Schedule]
    rpo: timedelta
    reread: timedelta | None
    default_keep_for: timedelta
    now: Callable[[], datetime]
    list_concurrency: int = 32
