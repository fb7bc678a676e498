"""What verify needs of the world, in one place."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fleetsave.catalog.catalog import Catalog
from fleetsave.queues import JobQueue
from fleetsave.store.base import ObjectStore


@dataclass(frozen=True)
class Ports:
    """The ports of one run.

    `queue` takes the jobs of rejected backups, `scratch` is a folder with room for one unpacked backup, `seconds_left`
    tells how long this run may still take.
    """

    store: ObjectStore
    catalog: Catalog
    queue: JobQueue
    scratch: Path
    now: Callable[[], datetime]
    seconds_left: Callable[[], float]
