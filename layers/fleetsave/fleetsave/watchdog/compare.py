"""One place's data beside its catalog: objects without records, and records without objects.

A listing that a look by name contradicts is not trusted: then that is all that is told, and nothing is judged by it.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from fleetsave.catalog.histories import History
from fleetsave.model.errors import InvalidInputError, ObjectNotFoundError
from fleetsave.model.exposure import newest_verified
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.slots import Slot
from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.store.base import ObjectInfo
from fleetsave.watchdog import problems
from fleetsave.watchdog.listed import Listed, list_data, without_object, without_record
from fleetsave.watchdog.look import Look, Seen
from fleetsave.watchdog.unfinished import adopt
from fleetsave.watchdog.whole import LATE, look_at_whole

_NAMED = 20
"""So many objects of a place, or backups of an artifact, are told of one by one; the others are counted."""

_SETTLED = timedelta(hours=1)
"""An object this young may be about to get its record."""


def compare(history: History, look: Look, seen: Seen) -> None:
    """Hold the data of one place against its catalog, as far as that was listed; all of it in a deep look. Raise StoreError."""
    listed = list_data(history.place, None if seen.is_deep else history.since, look.ports.store)
    orphans = [one for one in without_record(history, listed) if look.now - one[2].last_modified > _SETTLED]
    missing = {
        artifact_id: [one for one in without_object(backups, listed) if _should_be_there(one, look)]
        for artifact_id, backups in history.backups.items()
        if not artifact_id.is_safety
    }
    found = list(_foreign(history, listed, look))
    contradicted = _contradiction([info for _, _, info in orphans], [b for backups in missing.values() for b in backups], look)
    if contradicted is not None:
        found.append(_incomplete(contradicted, look))
    else:
        found += _unrecorded(orphans, history, look, seen)
        for artifact_id, backups in missing.items():
            found += _gone(artifact_id, backups, history.backups[artifact_id], listed, look, seen)
        if seen.is_deep:
            found += look_at_whole(history, listed, look, seen)
    seen.compared, seen.compared_since = found, history.since
    seen.stored_bytes = listed.total if seen.is_deep else None


def _foreign(history: History, listed: Listed, look: Look) -> Iterator[Problem]:
    server_id = history.place[0]
    keys = sorted(info.key for info in listed.foreign)
    rest = f", like {len(keys) - _NAMED} more there" if len(keys) > _NAMED else ""
    for key in keys[:_NAMED]:
        what = f"it is not the key of a backup{rest}; it is left alone, and nothing else looks at it"
        yield Problem(ProblemKind.UNREADABLE, what, look.now, problems.list_command(history.place), server_id, key=key[:300])


def _contradiction(orphans: Sequence[ObjectInfo], missing: Sequence[Backup], look: Look) -> BackupKey | None:
    """Return a backup that has data and record when they are asked for by name, of those listed without one of them."""
    for info in orphans[:_NAMED]:
        key = _backup_key(info)
        if key is not None and look.ports.catalog.has(key, RecordName.STORED):
            return key
    return next((backup.key for backup in missing[:_NAMED] if _is_there(backup.key, look)), None)


def _backup_key(info: ObjectInfo) -> BackupKey | None:
    """Return whose data an object is; None for what stands beside a backup, which has no record of its own."""
    try:
        return BackupKey.parse(info.key)
    except InvalidInputError:
        return None


def _incomplete(key: BackupKey, look: Look) -> Problem:
    what = (
        "it has data and record, and was not listed with both: a listing of the store is incomplete, and nothing is judged by it"
    )
    return Problem(ProblemKind.UNREADABLE, what, look.now, problems.LOOK, key.artifact_id.server_id, key=key.text)


def _unrecorded(
    orphans: Sequence[tuple[ArtifactId, Slot, ObjectInfo]], history: History, look: Look, seen: Seen
) -> Iterator[Problem]:
    rest = f"; {len(orphans) - _NAMED} more there are like it" if len(orphans) > _NAMED else ""
    for artifact_id, slot, info in orphans[:_NAMED]:
        backups = history.backups.get(artifact_id, ())
        if adopt(artifact_id, slot, info, backups, look, seen):
            continue
        what = f"an object without a record: nobody knows whether it is whole, and nothing prunes it{rest}"
        yield problems.of_artifact(
            ProblemKind.OBJECT_WITHOUT_RECORD, artifact_id, what, info.last_modified, problems.list_of(artifact_id),
            key=info.key, good=newest_verified(backups, look.now),
        )  # fmt: skip


def _gone(
    artifact_id: ArtifactId,
    missing: Sequence[Backup],
    backups: Sequence[Backup],
    listed: Listed,
    look: Look,
    seen: Seen,
) -> Iterator[Problem]:
    """Tell of backups whose data is gone, and have each judged again, which rejects it."""
    rest = f"; {len(missing) - _NAMED} older ones of it are not listed either" if len(missing) > _NAMED else ""
    good = newest_verified([backup for backup in backups if backup.key in listed.data], look.now)
    for backup in missing[:_NAMED]:
        if look.ports.catalog.has(backup.key, RecordName.PRUNED):
            continue  # pruned since the catalog was listed
        if backup.state is not State.REJECTED:
            seen.remedies.rejections.add(backup.key)
        what = f"its record is there and its data is gone, though nothing pruned it{rest}: find out who deleted it"
        yield problems.of_artifact(
            ProblemKind.RECORD_WITHOUT_OBJECT, artifact_id, what, backup.recorded_at[RecordName.STORED],
            f"fleetsave show {backup.key}", key=backup.key.text, good=good,
        )  # fmt: skip


def _is_there(key: BackupKey, look: Look) -> bool:
    try:
        look.ports.store.head(key.text)
    except ObjectNotFoundError:
        return False
    return True


def _should_be_there(backup: Backup, look: Look) -> bool:
    """Tell whether a backup's time is not over: after it nobody misses what a person has deleted."""
    fleet = look.fleet_of(backup.key.artifact_id.server_id)
    policy = fleet.retention(backup.key.artifact_id, look.ports.default_keep_for) if fleet else None
    keep_for = policy.keep_for if policy else look.ports.default_keep_for
    return backup.is_pinned or look.now - backup.key.slot.at <= keep_for + LATE
