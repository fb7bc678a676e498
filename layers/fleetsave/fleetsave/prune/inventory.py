"""What the store lists of one server: the catalog's backups of each artifact beside its data objects."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.history import Backup
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, BackupKey, RecordName, backup_prefix, parse_beside_key
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from fleetsave.prune.report import Irregularity
from fleetsave.store.base import ObjectStore

_RUNS_BEFORE = 48
"""How many runs before the oldest data records are listed too: data that a listing has cut off there still has its records."""


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
    """Everything listed of one server."""

    artifacts: Mapping[ArtifactId, ArtifactInventory]
    irregularities: list[Irregularity]


def take(
    store: ObjectStore, catalog: Catalog, server_id: str, listed_from: datetime, keep_for: Callable[[Kind], timedelta]
) -> Inventory:
    """List the backups of one server. Raise StoreError, or CatalogError for a record of no known form.

    Records are kept for ever, and data is not: those of what was pruned long ago are passed over (docs/decisions/0060).
    `keep_for` says how long the backups of a kind are kept at most: what was recorded since is listed, whatever data there is.
    """
    artifacts: dict[ArtifactId, ArtifactInventory] = {}
    irregularities = []
    beside_keys: list[tuple[str, ArtifactId, Slot]] = []
    for info in store.list(backup_prefix(server_id)):
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
    for kind in Kind:
        if (kind is Kind.POSTGRESQL) == (server_id == CENTRAL_SERVER_ID):
            since = _recorded_since(kind, artifacts, listed_from, keep_for(kind))
            for backup in catalog.backups_since(server_id, kind, since):
                _add(artifacts.setdefault(backup.key.artifact_id, ArtifactInventory()), backup)
    irregularities += _left_alone(beside_keys, artifacts)
    return Inventory(dict(sorted(artifacts.items())), irregularities)


def _recorded_since(kind: Kind, listed: Mapping[ArtifactId, ArtifactInventory], now: datetime, keep_for: timedelta) -> Slot:
    """Return the slot from which on the records of a kind are needed: some runs before the oldest data that there should be."""
    slots = [key.slot for artifact_id, artifact in listed.items() if artifact_id.kind is kind for key in artifact.sizes]
    oldest = min([*slots, Slot.before(now, keep_for)])
    return Slot.before(oldest.at, _RUNS_BEFORE * timedelta(hours=kind.schedule_hours))


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
