"""What a recovery will do, told before anything is done; the API shows it, and the worker keeps it as its plan."""

from typing import Any

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.fleet import Fleet
from fleetsave.model.history import Backup
from fleetsave.model.kinds import Kind
from fleetsave.model.records import StoredRecord
from fleetsave.model.recovery_records import RecoveryPlan, RecoveryRequest
from fleetsave.planning import archive_words, postgresql_target, postgresql_words, sqlite_target, sqlite_words
from fleetsave.planning.archive_plan import plan_archive
from fleetsave.planning.newest import Newest, newest_verified
from fleetsave.planning.selection import select
from fleetsave.planning.target import Origin, Target


def make_plan(request: RecoveryRequest, fleet: Fleet, catalog: Catalog) -> RecoveryPlan:
    """Decide what a request means. Nothing but the catalog is read, and the manifest beside an archive.

    Raise RecoveryRefusedError with its reason, InvalidInputError for what does not parse, CatalogError or StoreError.
    """
    backup = select(request, fleet, catalog)
    stored = catalog.stored(backup.key)
    if request.kind in (Kind.FILES, Kind.FULL):
        return _from_archive(request, backup, stored, fleet, catalog)
    if request.part is not None or request.paths:
        raise InvalidInputError("read request", request.kind, "it has neither parts nor paths", "Leave `part` and `paths` out.")
    if request.kind is Kind.POSTGRESQL:
        target = postgresql_target.find_target(request, stored, fleet)
        newest = _newest(target, catalog)
        return _plan(
            request.kind, backup, stored, target, steps=list(postgresql_words.steps(stored, target)),
            warnings=list(postgresql_words.warnings(backup, stored, target, newest)), **_compared(stored, newest),
        )  # fmt: skip
    target = sqlite_target.find_target(request, Origin(stored.artifact, stored.source_path), fleet)
    newest = _newest(target, catalog)
    return _plan(
        request.kind, backup, stored, target, steps=list(sqlite_words.steps(stored.plain_size, target)),
        warnings=list(sqlite_words.warnings(backup, stored.capture.fingerprint, target, newest)),
        page_size=stored.snapshot.page_size,
    )  # fmt: skip


def _from_archive(
    request: RecoveryRequest, backup: Backup, stored: StoredRecord, fleet: Fleet, catalog: Catalog
) -> RecoveryPlan:  # fmt: skip
    found = plan_archive(request, stored, fleet, catalog)
    target, newest = found.target, _newest(found.target, catalog)
    if found.capture is not None:
        fingerprint = found.capture.fingerprint
        steps = sqlite_words.steps(found.size, target)
        warnings = sqlite_words.warnings(backup, fingerprint, target, newest)
        own: dict[str, Any] = {"fingerprint": fingerprint, "page_size": found.capture.page_size}
    else:
        steps = archive_words.steps(found.selection, found.size, target)
        warnings = archive_words.warnings(backup, found.selection, target, newest)
        own = {}
    sent = {"selection": found.selection, "plain_size": found.size, "plain_sha256": found.sha256}
    return _plan(found.kind, backup, stored, target, steps=list(steps), warnings=list(warnings), **sent, **own)


def _plan(kind: Kind, backup: Backup, stored: StoredRecord, target: Target, **own: Any) -> RecoveryPlan:
    artifact_id = target.artifact_id
    values = {
        "plain_sha256": stored.plain_sha256,
        "plain_size": stored.plain_size,
        "fingerprint": stored.capture.fingerprint,
        **own,
    }
    return RecoveryPlan(
        backup_key=backup.key.text,
        backup_slot=stored.slot,
        verdict=backup.state,
        kind=kind,
        compression=stored.compression,
        stored_size=stored.stored_size,
        target_server_id=target.server_id,
        target_path=target.path,
        artifact=artifact_id.artifact if artifact_id else None,
        safety_artifact=artifact_id.safety.artifact if artifact_id else None,
        before=target.before,
        after=target.after,
        format=backup.key.format,
        **values,
    )


def _newest(target: Target, catalog: Catalog) -> Newest | None:
    return newest_verified(target.artifact_id, catalog) if target.artifact_id else None


def _compared(stored: StoredRecord, newest: Newest | None) -> dict[str, Any]:
    """Return the rows of the backup beside those of the newest verified one, for both of which they must have been counted."""
    then, now = stored.capture.fingerprint, newest.fingerprint if newest else None
    if newest is None or then is None or now is None:
        return {}
    return {
        "comparison": postgresql_words.compare(now.row_counts, then.row_counts),
        "compared_with": newest.key.slot.text,
    }
