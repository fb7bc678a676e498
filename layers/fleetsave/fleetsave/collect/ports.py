"""What collect needs of the world, in one place."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.fleet import Fleet, Postgresql, PostgresqlDatabase, Server
from fleetsave.model.kinds import Kind
from fleetsave.model.schedules import Schedule
from fleetsave.queues import Announcer, JobQueue
from fleetsave.sources.base import LiveDump, ServerSource
from fleetsave.store.base import ObjectStore


@dataclass(frozen=True)
class Ports:
    """The ports of one run; `bucket` and `endpoint` are only named in records and announcements.

    `is_near_deadline` tells whether the run should hand its job on, `scratch` is a folder for the few captures that need
    room on our side. `open_source` is the way to a server. `pause` waits so many seconds. `open_dump` lends a dump of a database
    of the central PostgreSQL, given what tells that the time is up. `schedules` says when each kind is due; jobs of a kind
    without one are never late.
    """

    fleet: Fleet
    store: ObjectStore
    catalog: Catalog
    recoveries: Recoveries
    queue: JobQueue
    announcer: Announcer
    bucket: str
    endpoint: str | None
    open_source: Callable[[Server], ServerSource]
    open_dump: Callable[[Postgresql, PostgresqlDatabase, Callable[[], bool]], AbstractContextManager[LiveDump]]
    now: Callable[[], datetime]
    is_near_deadline: Callable[[], bool]
    pause: Callable[[float], None]
    scratch: Path
    schedules: Mapping[Kind, Schedule]
