"""What the API needs from the outside; a test gives fakes, the door gives real parts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.queues import RecoveryQueue
from fleetsave.store.base import ObjectStore
from fleetsave.surveyor import Surveyor


@dataclass(frozen=True)
class ApiPorts:
    """The ports of one request; `now` is our own clock, which stamps the records. `surveyor` looks at databases for dry runs."""

    store: ObjectStore
    catalog: Catalog
    recoveries: Recoveries
    queue: RecoveryQueue
    now: Callable[[], datetime]
    surveyor: Surveyor | None = None
