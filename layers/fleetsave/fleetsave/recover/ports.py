"""What recover needs of the world, in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.fleet import Fleet, Server
from fleetsave.model.keys import RecoveryId
from fleetsave.model.recovery_records import RecoveryPlan
from fleetsave.queues import JobQueue, RecoveryQueue
from fleetsave.sources.base import Restorer
from fleetsave.store.base import ObjectStore
from fleetsave.transports.base import Transport


@dataclass(frozen=True)
class Ports:
    """The ports of one run.

    `collect_queue` takes the job of the safety backup, `recovery_queue` this recovery when it is handed on. `open_transport`
    logs in with the account for restoring. `seconds_left` tells how long the run may still take, `pause` waits for so many
    seconds.
    """

    fleet: Fleet
    store: ObjectStore
    catalog: Catalog
    recoveries: Recoveries
    collect_queue: JobQueue
    recovery_queue: RecoveryQueue
    open_transport: Callable[[Server], Transport]
    open_restorer: Callable[[Transport, Server, RecoveryPlan, RecoveryId], Restorer]
    now: Callable[[], datetime]
    seconds_left: Callable[[], float]
    pause: Callable[[float], None]
