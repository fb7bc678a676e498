"""Runs of prune on a bucket in memory."""

from collections.abc import Callable
from datetime import datetime

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.fleet_file import parse_fleet
from fleetsave.model.keys import BackupKey
from fleetsave.prune.report import Line, PruneReport
from fleetsave.prune.room import prune
from tests.fakes.memory_store import MemoryStore
from tests.unit.prune.bucket import DAY, FLEET_TEXT, NOW, Bucket


def run(
    bucket: Bucket,
    *,
    execute: bool = True,
    now: datetime = NOW,
    as_of: datetime | None = None,
    store: MemoryStore | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    fleet_text: str = FLEET_TEXT,
) -> PruneReport:
    """Prune as the function does, with `store` in the place of the bucket's own."""
    store = store or bucket.store
    return prune(
        store=store,
        catalog=Catalog(store),
        fleet=parse_fleet(fleet_text),
        default_keep_for=30 * DAY,
        now=now,
        execute=execute,
        as_of=as_of,
        should_stop=should_stop,
    )


def line(report: PruneReport, key: BackupKey) -> Line:
    """Return what became of one backup."""
    return next(one for one in report.lines if one.key == key.text)
