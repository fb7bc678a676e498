"""From the catalog to fewer backups: server by server, a few side by side, and each forgotten as soon as it is done.

What a run holds in memory and how many calls it makes for each server do not grow with the fleet, nor with the years
(docs/decisions/0060).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.histories import side_by_side
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.errors import PruneRefusedError
from fleetsave.model.fleet import Fleet
from fleetsave.prune.clocks import Clocks
from fleetsave.prune.recovering import RecoveryWatch
from fleetsave.prune.report import Line, PruneReport
from fleetsave.prune.server import Run
from fleetsave.prune.servers import find_servers, in_turn
from fleetsave.store.base import ObjectStore

CONCURRENCY = 16
"""How many servers are worked on at once: as many as the store's client has connections for."""


def prune(
    *,
    store: ObjectStore,
    catalog: Catalog,
    fleet: Fleet,
    default_keep_for: timedelta,
    now: datetime,
    execute: bool,
    as_of: datetime | None = None,
    server_id: str | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    keeps: Callable[[Line], bool] = lambda _: True,
    concurrency: int = CONCURRENCY,
) -> PruneReport:
    """Decide on every backup of the fleet, or of one server, and delete what may go if `execute` is true.

    `as_of` asks a dry run what would go at another time. `should_stop` is asked before each server and each deletion, from
    several threads; what is then left is counted in the report, and another day's run begins with other servers. `keeps` says
    which lines the report is to hold. A failure in one artifact or one server stands in the report and does not keep the
    others from being pruned. Raise PruneRefusedError, with nothing deleted, if our clock and the store's disagree or if
    `as_of` is to be executed; StoreError if the servers cannot be listed; CatalogError if the recoveries cannot be read.
    """
    if as_of is not None and execute:
        raise PruneRefusedError("prune", f"as of {as_of.isoformat()}", "only a dry run may pretend a time", "Leave one out.")
    clocks = Clocks(store, now)
    clocks.agreed()
    # Before any backup is listed: a recovery that begins meanwhile is found by its name.
    recoveries = RecoveryWatch(Recoveries(store))
    report = PruneReport(now, as_of, execute, keeps)
    if server_id is None:
        servers, foreign = find_servers(store, fleet)
        report.irregularities.extend(foreign)
    else:
        servers = [server_id]
    run = Run(store, catalog, fleet.by_server(), default_keep_for, recoveries, clocks, as_of, execute, should_stop)
    for outcome in side_by_side(run.prune, in_turn(servers, now) if execute else servers, concurrency=concurrency):
        report.add(outcome.lines, outcome.irregularities, outcome.failures, is_begun=outcome.is_begun)
    return report
