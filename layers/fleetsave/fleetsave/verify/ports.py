"""What verify needs of the world, in one place."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from fleetsave.catalog.catalog import Catalog
from fleetsave.postgres.programs import Programs, find_programs
from fleetsave.queues import JobQueue
from fleetsave.store.base import ObjectStore


@dataclass(frozen=True)
class Ports:
    """The ports of one run.

    `queue` takes the jobs of rejected backups, `scratch` is a folder with room for one unpacked backup, `seconds_left`
    tells how long this run may still take, `programs` are PostgreSQL's, by default the layer's.
    """

    store: ObjectStore
    catalog: Catalog
    queue: JobQueue
    scratch: Path
    now: Callable[[], datetime]
    seconds_left: Callable[[], float]
    programs: Programs = field(default_factory=partial(find_programs, None))
