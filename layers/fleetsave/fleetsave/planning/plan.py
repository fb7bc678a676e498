"""What a recovery will do, told before anything is done; the API shows it, and the worker keeps it as its plan."""

from typing import Any

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.fleet import Fleet
from fleetsave.model.kinds import Kind
from fleetsave.model.records import StoredRecord
from fleetsave.model.recovery_records import RecoveryPlan, RecoveryRequest
from fleetsave.planning import postgresql_target, postgresql_words, sqlite_target, sqlite_words
from fleetsave.planning.newest import Newest, newest_verified
from fleetsave.planning.selection import select


def make_plan(request: RecoveryRequest, fleet: Fleet, catalog: Catalog) -> RecoveryPlan:
    """Decide what a request means. Nothing but the catalog is read.

    Raise RecoveryRefusedError with its reason, InvalidInputError for what does not parse, CatalogError or StoreError.
    """
    backup = select(request, fleet, catalog)
    stored = catalog.stored(backup.key)
    is_dump = request.kind is Kind.POSTGRESQL
    target = (postgresql_target if is_dump else sqlite_target).find_target(request, stored, fleet)
    newest = newest_verified(target.artifact_id, catalog) if target.artifact_id else None
    words = postgresql_words if is_dump else sqlite_words
    return RecoveryPlan(
        backup_key=backup.key.text,
        backup_slot=stored.slot,
        verdict=backup.state,
        kind=request.kind,
        compression=stored.compression,
        plain_sha256=stored.plain_sha256,
        plain_size=stored.plain_size,
        stored_size=stored.stored_size,
        fingerprint=stored.capture.fingerprint,
        target_server_id=target.server_id,
        target_path=target.path,
        artifact=target.artifact_id.artifact if target.artifact_id else None,
        safety_artifact=target.artifact_id.safety.artifact if target.artifact_id else None,
        before=target.before,
        after=target.after,
        steps=list(words.steps(stored, target)),
        warnings=list(words.warnings(backup, stored, target, newest)),
        format=backup.key.format,
        **(_compared(stored, newest) if is_dump else {}),
    )


def _compared(stored: StoredRecord, newest: Newest | None) -> dict[str, Any]:
    """Return the rows of the backup beside those of the newest verified one, for both of which they must have been counted."""
    then, now = stored.capture.fingerprint, newest.fingerprint if newest else None
    if newest is None or then is None or now is None:
        return {}
    return {
        "comparison": postgresql_words.compare(now.row_counts, then.row_counts),
        "compared_with": newest.key.slot.text,
    }
