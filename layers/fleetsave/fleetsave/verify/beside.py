"""The backups beside the one in question: what its artifact's listing in the catalog says of it."""

from fleetsave.catalog.catalog import Catalog
from fleetsave.checks import plausibility
from fleetsave.model.errors import CatalogError, InvalidInputError, ObjectNotFoundError
from fleetsave.model.history import Backup
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.records import Finding, Outcome, StoredRecord


def is_newest(key: BackupKey, catalog: Catalog) -> bool:
    """Tell whether no later slot of the same artifact has been stored, whatever became of it."""
    return all(backup.key.slot <= key.slot for backup in _history(key, catalog))


def compare(key: BackupKey, stored: StoredRecord, catalog: Catalog) -> list[Finding]:
    """Judge a backup beside the newest earlier verified one; a history that cannot be read makes it suspect.

    Pruned backups count too: their records stay. A backup made before a recovery is compared with none: each of its history
    was made because something was wrong, so that a cliff between two of them says nothing.
    """
    if key.artifact_id.is_safety:
        return [Finding("plausibility", Outcome.SKIPPED, "made before a recovery: what was wrong then is no measure")]
    try:
        earlier = [backup.key for backup in _history(key, catalog) if backup.key.slot < key.slot and _was_verified(backup)]
        reference = catalog.stored(max(earlier, key=lambda other: other.slot)) if earlier else None
    except (CatalogError, InvalidInputError, ObjectNotFoundError) as error:
        return [Finding("plausibility", Outcome.SUSPECT, f"the history of this artifact cannot be read: {error}")]
    return plausibility.check(stored, reference)


def _history(key: BackupKey, catalog: Catalog) -> list[Backup]:
    artifact_id = key.artifact_id
    backups = catalog.backups(artifact_id.server_id, artifact_id.kind)
    return [backup for backup in backups if backup.key.artifact_id == artifact_id]


def _was_verified(backup: Backup) -> bool:
    return RecordName.VERIFIED in backup.recorded_at and RecordName.REJECTED not in backup.recorded_at
