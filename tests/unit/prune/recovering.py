"""Recoveries in the bucket of prune's tests."""

from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_records import RecoveryRecord, RecoveryRequest, RecoveryState
from fleetsave.store.base import ObjectStore
from tests.unit.prune.bucket import NOW


def request(target: str, source: str | None = None, backup_key: str | None = None) -> RecoveryRequest:
    """Return a request to restore to a server, from its own backups unless `source` says whose."""
    return RecoveryRequest(source or target, Kind.DATABASE, target, "a test", "0" * 64, backup_key=backup_key)


def begin(store: ObjectStore, target: str = "alpha", source: str | None = None) -> Recovery:
    """Begin a recovery."""
    return Recoveries(store).begin(request(target, source), NOW).recovery


def reach(store: ObjectStore, recovery: Recovery, state: RecoveryState) -> Recovery:
    """Write the next record of a recovery."""
    return Recoveries(store).append(recovery, RecoveryRecord(str(recovery.id), state, NOW, "", "0"))
