"""The time a run decides by: two clocks that agree, held against each other again at every server."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleetsave.model.errors import PruneRefusedError
from fleetsave.model.retention import CLOCK_TOLERANCE
from fleetsave.store.base import ObjectStore


@dataclass(frozen=True)
class Moment:
    """A look at both clocks: `at` is the earlier of the two, `by_store` what the store's says."""

    at: datetime
    by_store: datetime


class Clocks:
    """Our clock, which said `now` when the run began, and the store's; `elapsed` counts our seconds, from any moment on."""

    def __init__(self, store: ObjectStore, now: datetime, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._elapsed = elapsed
        self._began = elapsed()

    def agreed(self) -> Moment:
        """Return what both clocks say now. Raise PruneRefusedError if they are not near each other, StoreError."""
        theirs = self._store.now()
        ours = self._now + timedelta(seconds=self._elapsed() - self._began)
        if abs(ours - theirs) > CLOCK_TOLERANCE:
            raise PruneRefusedError(
                "prune",
                "the fleet",
                f"our clock ({ours:%Y-%m-%d %H:%M:%S}) and the store's ({theirs:%Y-%m-%d %H:%M:%S}) are too far apart",
                "Set this machine's clock, or find out what is wrong with the store's; nothing is deleted until they agree.",
            )
        return Moment(min(ours, theirs), theirs)
