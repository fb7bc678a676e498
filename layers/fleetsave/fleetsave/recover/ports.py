"""What recover needs of the world, in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.fleet import Fleet
from fleetsave.model.recoveries import Recovery
from fleetsave.queues import JobQueue, RecoveryQueue
from fleetsave.recover.targets import OpenTarget
from fleetsave.store.base import ObjectStore


@dataclass(frozen=True)
class Ports:
    """The ports of one run.

    `collect_queue` takes the job of the safety backup, `recovery_queue` this recovery when it is handed on. `open_target` is
    the way to where a recovery that has a plan restores to, with the account for restoring. `seconds_left` tells how long the
    run may still take, `pause` waits for so many seconds.
    """

    fleet: Fleet
    store: ObjectStore
    catalog: Catalog
    recoveries: Recoveries
    collect_queue: JobQueue
    recovery_queue: RecoveryQueue
    open_target: Callable[[Recovery], OpenTarget]
    now: Callable[[], datetime]
    seconds_left: Callable[[], float]
    pause: Callable[[float], None]
