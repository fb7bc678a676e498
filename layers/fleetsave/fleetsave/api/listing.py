"""Pages of recoveries and of backups, the newest first, and the state of the fleet."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from fleetsave.api.ports import ApiPorts
from fleetsave.api.resources import (
    BackupList,
    RecoveryList,
    StatusShown,
    backup_shown,
    recovery_summary,
    status_shown,
)
from fleetsave.catalog.fleet_file import read_fleet
from fleetsave.catalog.safety import assess
from fleetsave.model.errors import InvalidInputError, RecoveryRefusedError
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.slots import Slot

RECOVERIES_A_PAGE = 20
BACKUPS_A_PAGE = 100

_T = TypeVar("_T")


@dataclass(frozen=True)
class Wanted:
    """Which backups of a server are asked for; None asks for all. Both times are on the slot, and inclusive."""

    server_id: str
    kind: Kind | None = None
    since: datetime | None = None
    until: datetime | None = None
    verified: bool | None = None

    def fits(self, backup: Backup) -> bool:
        """Tell whether a backup of the server is asked for."""
        at = backup.key.slot.at
        return (
            (self.kind is None or backup.key.artifact_id.kind is self.kind)
            and (self.since is None or at >= self.since)
            and (self.until is None or at <= self.until)
            and (self.verified is None or (backup.state is State.VERIFIED) is self.verified)
        )


def list_backups(wanted: Wanted, cursor: str | None, ports: ApiPorts) -> BackupList:
    """Return a page of backups, of one LIST. Raise InvalidInputError for a cursor that is none, StoreError or CatalogError."""
    before = _read_cursor(cursor, BackupKey.parse)
    if before is not None and before.artifact_id.server_id != wanted.server_id:
        raise _no_cursor()
    found = [one for one in ports.catalog.backups(wanted.server_id, wanted.kind) if wanted.fits(one)]
    found.sort(key=lambda one: _age(one.key), reverse=True)
    rest = found if before is None else [one for one in found if _age(one.key) < _age(before)]
    page = rest[:BACKUPS_A_PAGE]
    return BackupList(backups=[backup_shown(one) for one in page], next_cursor=_cursor([one.key for one in page], rest))


def list_recoveries(server_id: str, cursor: str | None, ports: ApiPorts) -> RecoveryList:
    """Return a page of recoveries, of one LIST and one read for each. Raise as `list_backups` does."""
    before = _read_cursor(cursor, RecoveryId.parse)
    if before is not None and before.server_id != server_id:
        raise _no_cursor()
    rest = [one for one in ports.recoveries.listed(server_id) if before is None or one.id < before]
    page = rest[:RECOVERIES_A_PAGE]
    return RecoveryList(
        recoveries=[recovery_summary(one, ports.recoveries.first(one.id)) for one in page],
        next_cursor=_cursor([one.id for one in page], rest),
    )


def fleet_status(maximum_age: timedelta, server_id: str | None, ports: ApiPorts) -> StatusShown:
    """Tell whether every artifact, or every one of a server, has a fresh verified backup.

    Raise RecoveryRefusedError with reason unknown_server, ConfigurationError for the fleet file, StoreError or CatalogError.
    """
    fleet = read_fleet(ports.store)
    if server_id is not None and server_id not in fleet.server_ids:  # nothing would be unsafe of it
        raise RecoveryRefusedError(
            "tell the status", server_id, "the fleet file names no such server", "See GET /status.", reason=Reason.UNKNOWN_SERVER
        )
    return status_shown(assess(fleet, ports.store, ports.catalog, maximum_age, server_id))


def _age(key: BackupKey) -> tuple[Slot, BackupKey]:
    return key.slot, key


def _cursor(page: Sequence[BackupKey] | Sequence[RecoveryId], rest: Sequence[object]) -> str | None:
    """Return where the next page begins, None if this one is the last."""
    if len(page) == len(rest):
        return None
    return base64.urlsafe_b64encode(str(page[-1]).encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None, parse: Callable[[str], _T]) -> _T | None:
    if cursor is None:
        return None
    try:
        return parse(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode())
    except (binascii.Error, UnicodeDecodeError, InvalidInputError):
        raise _no_cursor() from None


def _no_cursor() -> InvalidInputError:
    return InvalidInputError(
        "read cursor", "cursor", "it is not one that was given out for this list", "Begin again without a cursor."
    )
