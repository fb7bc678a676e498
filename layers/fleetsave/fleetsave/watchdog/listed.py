"""What the data listing of one place holds, beside what the catalog says of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fleetsave.catalog.histories import History, Place
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.history import Backup
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName, backup_prefix, parse_beside_key, slot_prefix
from fleetsave.model.slots import Slot
from fleetsave.store.base import ObjectInfo, ObjectStore


@dataclass
class Listed:
    """The data objects of one place from a slot on: backups, what stands beside them, and what is neither; `total` in bytes."""

    data: dict[BackupKey, ObjectInfo] = field(default_factory=dict)
    beside: dict[tuple[ArtifactId, Slot], ObjectInfo] = field(default_factory=dict)
    foreign: list[ObjectInfo] = field(default_factory=list)
    total: int = 0

    def sizes(self) -> dict[ArtifactId, dict[BackupKey, int]]:
        """Return the stored bytes of each backup, artifact by artifact."""
        found: dict[ArtifactId, dict[BackupKey, int]] = {}
        for key, info in self.data.items():
            found.setdefault(key.artifact_id, {})[key] = info.size
        return found


def list_data(place: Place, since: Slot | None, store: ObjectStore) -> Listed:
    """List the data of a place, all or from a slot on. Raise StoreError."""
    server_id, kind = place
    listed = Listed()
    after = None if since is None else slot_prefix(server_id, kind, since)
    for info in store.list(backup_prefix(server_id, kind), start_after=after):
        listed.total += info.size
        beside = parse_beside_key(info.key)
        if beside is not None:
            listed.beside[beside] = info
            continue
        try:
            listed.data[BackupKey.parse(info.key)] = info
        except InvalidInputError:
            listed.foreign.append(info)
    return listed


def without_record(history: History, listed: Listed) -> Iterator[tuple[ArtifactId, Slot, ObjectInfo]]:
    """Yield the objects that no record is of, and what stands beside nothing, in order."""
    recorded = {backup.key for backups in history.backups.values() for backup in backups}
    slots = {(key.artifact_id, key.slot) for key in (*recorded, *listed.data)}
    for key in sorted(listed.data):
        if key not in recorded:
            yield key.artifact_id, key.slot, listed.data[key]
    for place in sorted(listed.beside):
        if place not in slots:
            yield *place, listed.beside[place]


def without_object(backups: Sequence[Backup], listed: Listed) -> list[Backup]:
    """Return the backups that have a record and should have data, and have none listed, the newest first."""
    return [
        backup
        for backup in reversed(backups)
        if RecordName.STORED in backup.recorded_at
        and RecordName.PRUNED not in backup.recorded_at
        and backup.key not in listed.data
    ]
