"""What a recovery will do, told before anything is done; the API shows it, and the worker keeps it as its plan."""

from collections.abc import Iterator

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.fleet import Fleet
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId
from fleetsave.model.records import StoredRecord
from fleetsave.model.recovery_records import RecoveryPlan, RecoveryRequest
from fleetsave.planning.selection import select
from fleetsave.planning.target import Target, find_target


def make_plan(request: RecoveryRequest, fleet: Fleet, catalog: Catalog) -> RecoveryPlan:
    """Decide what a request means. Nothing but the catalog is read.

    Raise RecoveryRefusedError with its reason, InvalidInputError for what does not parse, CatalogError or StoreError.
    """
    backup = select(request, fleet, catalog)
    stored = catalog.stored(backup.key)
    target = find_target(request, stored, fleet)
    has_hooks = target.artifact_id is not None
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
        target_server_id=target.server.id,
        target_path=target.path,
        artifact=target.artifact_id.artifact if target.artifact_id else None,
        safety_artifact=target.artifact_id.safety.artifact if target.artifact_id else None,
        before=target.server.recovery.before if has_hooks else None,
        after=target.server.recovery.after if has_hooks else None,
        steps=list(_steps(stored, target)),
        warnings=list(_warnings(backup, stored, target, catalog)),
    )


def _steps(stored: StoredRecord, target: Target) -> Iterator[str]:
    hooks = target.server.recovery
    yield f"look at {target.path} on {target.server.id}: room, permissions, journal mode, who has it open"
    if target.artifact_id is not None:
        yield f"back up what is there now as {target.artifact_id.safety}, and wait until that is verified"
    yield f"upload {stored.plain_size} bytes beside it, their SHA-256 checked on the way and on the server"
    yield "check the copy on the server: integrity, rows and schema as they were at the capture"
    if target.artifact_id is None:
        yield "rename the copy into place, never over anything"
        return
    if hooks.before is not None:
        yield f"stop: {hooks.before}"
    yield "restore through SQLite in one transaction; a damaged database is set aside and replaced instead"
    if hooks.after is not None:
        yield f"start: {hooks.after}"
    yield "check it where it lives; roll back by itself if anything is wrong"


def _warnings(backup: Backup, stored: StoredRecord, target: Target, catalog: Catalog) -> Iterator[str]:
    if backup.state is not State.VERIFIED:
        yield f"the backup is {backup.state}, not verified: it was asked for all the same"
    if stored.capture.fingerprint is None:
        yield "the capture took no fingerprint: rows cannot be compared with those at the source"
    if target.artifact_id is None:
        return
    if target.server.recovery.before is None:
        yield "no stop command is configured: what the game keeps in memory may be written over the restored state"
    newest = _newest_verified(target.artifact_id, catalog)
    if newest is not None and newest.key.slot > backup.key.slot:
        yield f"there is a newer verified backup: {newest.key}"
    if newest is not None and _schema_of(newest, catalog) not in (None, _schema(stored)):
        yield "its schema is not that of the newest verified backup; if the server's differs too, allow_schema_change is needed"


def _newest_verified(artifact_id: ArtifactId, catalog: Catalog) -> Backup | None:
    listed = catalog.backups(artifact_id.server_id, artifact_id.kind)
    found = [one for one in listed if one.key.artifact_id == artifact_id and one.state is State.VERIFIED]
    return max(found, key=lambda one: one.key, default=None)


def _schema_of(backup: Backup, catalog: Catalog) -> str | None:
    return _schema(catalog.stored(backup.key))


def _schema(stored: StoredRecord) -> str | None:
    return stored.capture.fingerprint.schema_sha256 if stored.capture.fingerprint else None
