"""What collect needs of the world, in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.fleet import Fleet, Server
from fleetsave.queues import Announcer, JobQueue
from fleetsave.store.base import ObjectStore
from fleetsave.transports.base import Transport


@dataclass(frozen=True)
class Ports:
    """The ports of one run; `bucket` and `endpoint` are only named in records and announcements.

    `is_near_deadline` tells whether the run should hand its job on, `scratch` is a folder for the few captures that need
    room on our side. `pause` waits so many seconds.
    """

    fleet: Fleet
    store: ObjectStore
    catalog: Catalog
    recoveries: Recoveries
    queue: JobQueue
    announcer: Announcer
    bucket: str
    endpoint: str | None
    open_transport: Callable[[Server], Transport]
    now: Callable[[], datetime]
    is_near_deadline: Callable[[], bool]
    pause: Callable[[float], None]
    scratch: Path
