"""What the store lists for each artifact: the catalog's backups beside the data objects."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.history import Backup
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, BackupKey, RecordName, backup_prefix, parse_beside_key
from fleetsave.model.slots import Slot
from fleetsave.prune.recovering import RecoveryWatch
from fleetsave.prune.report import Irregularity
from fleetsave.store.base import ObjectStore


@dataclass
class ArtifactInventory:
    """One artifact: its backups as the catalog lists them, and the sizes of its data objects as the store lists them.

    A backup that is marked as pruned while its data is still there was left by a run that was cut short. It stands in
    `backups` without the mark, so that it is decided on again, and in `half_pruned`.
    """

    backups: list[Backup] = field(default_factory=list)
    sizes: dict[BackupKey, int] = field(default_factory=dict)
    half_pruned: set[BackupKey] = field(default_factory=set)

    @property
    def unlisted(self) -> frozenset[BackupKey]:
        """Return the backups that should have data and have none listed."""
        return frozenset(b.key for b in self.backups if RecordName.PRUNED not in b.recorded_at and b.key not in self.sizes)

    @property
    def unrecorded(self) -> list[BackupKey]:
        """Return the data objects without any record listed."""
        recorded = {backup.key for backup in self.backups}
        return [key for key in self.sizes if key not in recorded]


@dataclass(frozen=True)
class Inventory:
    """Everything listed; `listed_from` is the store's clock before the first listing.

    The recoveries are listed first: one that begins while the rest is listed is found by its name.
    """

    listed_from: datetime
    artifacts: Mapping[ArtifactId, ArtifactInventory]
    irregularities: list[Irregularity]
    recoveries: RecoveryWatch


def take(store: ObjectStore, catalog: Catalog, listed_from: datetime, server_id: str | None) -> Inventory:
    """List the backups of all servers, or of one. Raise StoreError, or CatalogError for a record of no known form."""
    recoveries = RecoveryWatch(Recoveries(store))
    artifacts: dict[ArtifactId, ArtifactInventory] = {}
    irregularities = []
    beside_keys: list[tuple[str, ArtifactId, Slot]] = []
    prefixes = [backup_prefix(), backup_prefix(CENTRAL_SERVER_ID)] if server_id is None else [backup_prefix(server_id)]
    for info in (info for prefix in prefixes for info in store.list(prefix)):
        beside = parse_beside_key(info.key)
        if beside is not None:
            beside_keys.append((info.key, *beside))
            continue
        try:
            key = BackupKey.parse(info.key)
        except InvalidInputError:
            irregularities.append(Irregularity(info.key, "it is not the key of a backup; prune leaves it alone"))
            continue
        artifacts.setdefault(key.artifact_id, ArtifactInventory()).sizes[key] = info.size
    for backup in catalog.backups(server_id):
        _add(artifacts.setdefault(backup.key.artifact_id, ArtifactInventory()), backup)
    irregularities += _left_alone(beside_keys, artifacts)
    return Inventory(listed_from, dict(sorted(artifacts.items())), irregularities, recoveries)


def _left_alone(
    beside_keys: list[tuple[str, ArtifactId, Slot]], artifacts: Mapping[ArtifactId, ArtifactInventory]
) -> Iterator[Irregularity]:
    """Yield the globals and manifests that no backup stands beside: a run was cut short before there was one."""
    for text, artifact_id, slot in beside_keys:
        inventory = artifacts.get(artifact_id, ArtifactInventory())
        if all(key.slot != slot for key in (*inventory.sizes, *(backup.key for backup in inventory.backups))):
            yield Irregularity(text, "no backup stands beside it, a run was cut short; prune leaves it alone")


def _add(artifact: ArtifactInventory, backup: Backup) -> None:
    if RecordName.PRUNED in backup.recorded_at and backup.key in artifact.sizes:
        artifact.half_pruned.add(backup.key)
        others = dict(backup.recorded_at)
        del others[RecordName.PRUNED]
        backup = replace(backup, recorded_at=others)
    artifact.backups.append(backup)
