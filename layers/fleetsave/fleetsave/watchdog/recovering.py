"""Which servers a recovery is under way on, or needs the backups of."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.errors import CatalogError
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_keys import RecoveryId


@dataclass(frozen=True)
class Recovering:
    """The unfinished recoveries, by server.

    `at_work` are those that hold captures of their server back, which a `stalled` one does not; `needed` names one that may need
    the server's backups. `unreadable` is why they are not known.
    """

    at_work: dict[str, RecoveryId] = field(default_factory=dict)
    needed: dict[str, RecoveryId] = field(default_factory=dict)
    stalled: list[Recovery] = field(default_factory=list)
    unreadable: CatalogError | None = None


def find_recovering(recoveries: Recoveries, now: datetime) -> Recovering:
    """List the recoveries; those that cannot be read hold nothing back, as in collect. Raise StoreError."""
    found = Recovering()
    try:
        unfinished = [listed for listed in recoveries.listed() if not listed.is_finished]
    except CatalogError as error:
        return Recovering(unreadable=error)
    unreadable = None
    for listed in unfinished:
        server_id = listed.id.server_id
        found.needed[server_id] = listed.id
        try:
            recovery = recoveries.read(listed)
        except CatalogError as error:
            unreadable = error
            continue
        found.needed.setdefault(recovery.request.server_id, listed.id)
        if recovery.is_stalled(now, recoveries.progress(server_id)):
            found.stalled.append(recovery)
        else:
            found.at_work[server_id] = listed.id
    return replace(found, unreadable=unreadable)
