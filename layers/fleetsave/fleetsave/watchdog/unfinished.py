"""What earlier runs left unfinished: uploads that lie open, and objects without their record.

A run finishes them where it can, which is while the artifact's state names them. An upload is aborted after a day, and what is
not ours is left alone.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fleetsave.catalog.histories import History, Place
from fleetsave.model.due import is_due
from fleetsave.model.errors import CatalogError, InvalidInputError, ObjectNotFoundError
from fleetsave.model.history import Backup
from fleetsave.model.jobs import MAXIMUM_REPAIRS, Job
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, BackupKey, RecordName, backup_prefix
from fleetsave.model.slots import Slot
from fleetsave.model.watch import Problem
from fleetsave.store.base import ObjectInfo, ObjectStore, OpenUpload
from fleetsave.watchdog import problems
from fleetsave.watchdog.artifact_state import ArtifactState, read_state
from fleetsave.watchdog.look import Look, Seen
from fleetsave.watchdog.remedies import REQUEUED

FIRST = timedelta(hours=1)
"""How old an object without a record, or an open upload, is before it is seen to."""

GIVEN_UP = timedelta(days=1)
"""After so long what a run would go on with is swept from its server."""


def list_uploads(store: ObjectStore) -> list[OpenUpload]:
    """Return every upload that lies open. Raise StoreError."""
    return [upload for prefix in (backup_prefix(), backup_prefix(CENTRAL_SERVER_ID)) for upload in store.list_uploads(prefix)]


def sort_uploads(uploads: Sequence[OpenUpload], now: datetime) -> tuple[dict[Place, list[OpenUpload]], list[Problem]]:
    """Return those open for an hour by the place they belong to, and a problem for each that is none of ours."""
    found: dict[Place, list[OpenUpload]] = {}
    foreign = []
    for upload in uploads:
        if now - upload.started_at <= FIRST:
            continue
        try:
            artifact_id = BackupKey.parse(upload.key).artifact_id
        except InvalidInputError:
            foreign.append(problems.foreign_upload(upload))
            continue
        found.setdefault((artifact_id.server_id, artifact_id.kind), []).append(upload)
    return found, foreign


def see_to_uploads(history: History, look: Look, seen: Seen) -> None:
    """Have the open uploads of a place finished or aborted. Raise StoreError.

    One that the artifact's state names is gone on with by its job, for as long as what it was read from is on its server. Nothing
    is aborted where the catalog shows no backup at all: it may be the listing that lies, and the bucket's lifecycle is there.
    """
    for upload in look.uploads.get(history.place, ()):
        key = BackupKey.parse(upload.key)
        state = read_state(look.ports.store, key.artifact_id)
        is_named = (state.key, state.upload_id) == (upload.key, upload.upload_id)
        if is_named and state.is_at_work(look.now):
            continue
        if look.now - upload.started_at > GIVEN_UP:
            _abort(upload, key, history, look, seen)
        elif is_named:
            _finish(upload, key, history, look, seen)


def _finish(upload: OpenUpload, key: BackupKey, history: History, look: Look, seen: Seen) -> None:
    job = _job_for(key.artifact_id, key.slot, history.backups.get(key.artifact_id, ()), look)
    if job is None:
        done = "no job can finish it, and it is aborted a day after it was begun"
    else:
        done = "a job of it is queued again, which finishes it"
        if is_due(upload.started_at, look.last_look, look.now, FIRST):
            seen.remedies.captures[job] = REQUEUED
    seen.problems.append(problems.stale_upload(upload, key, done))


def _abort(upload: OpenUpload, key: BackupKey, history: History, look: Look, seen: Seen) -> None:
    if not history.backups:
        done = "it is not aborted, for the catalog shows no backup there at all"
        seen.problems.append(problems.stale_upload(upload, key, done))
    elif look.mends:
        seen.remedies.uploads.add(upload)
    else:
        seen.problems.append(problems.stale_upload(upload, key, "the next look that mends aborts it"))


def adopt(
    artifact_id: ArtifactId, slot: Slot, info: ObjectInfo, backups: Sequence[Backup], look: Look, seen: Seen
) -> bool:  # fmt: skip
    """Have the run that made an object write its record; tell whether that can be hoped for. Raise StoreError.

    It can while the artifact's state names the object: its job then completes the upload once more, which changes nothing, and
    goes on from there.
    """
    state = read_state(look.ports.store, artifact_id)
    if look.now - info.last_modified > GIVEN_UP or not _is_of(state, artifact_id, slot):
        return False
    job = _job_for(artifact_id, slot, backups, look)
    if job is None:
        return False
    if not state.is_at_work(look.now) and is_due(info.last_modified, look.last_look, look.now, FIRST):
        seen.remedies.captures[job] = REQUEUED
    return True


def _is_of(state: ArtifactState, artifact_id: ArtifactId, slot: Slot) -> bool:
    try:
        key = BackupKey.parse(state.key or "")
    except InvalidInputError:
        return False
    return (key.artifact_id, key.slot) == (artifact_id, slot)


def _job_for(artifact_id: ArtifactId, slot: Slot, backups: Sequence[Backup], look: Look) -> Job | None:
    """Return the job that stores under a slot; None if the fleet file does not name the artifact, or nobody knows its file.

    A repetition stands a few seconds after what it repeats. Of what a glob matched the records tell which file it is.
    """
    fleet = look.fleet_of(artifact_id.server_id)
    if fleet is None or artifact_id.is_safety or not fleet.names(artifact_id):
        return None
    schedule = look.ports.schedules.get(artifact_id.kind)
    base = schedule.floor(slot) if schedule else slot
    repair = (slot.at - base.at) // timedelta(seconds=1)
    job = Job(artifact_id, base, repair=repair) if repair <= MAXIMUM_REPAIRS else Job(artifact_id, slot)
    if artifact_id in fleet.artifact_ids(artifact_id.kind):
        return job
    path = _source_path(backups, look)
    return None if path is None else replace(job, source_path=path)


def _source_path(backups: Sequence[Backup], look: Look) -> str | None:
    """Return which file an artifact is, as the newest record of it says, None if none can be read."""
    newest = next((b for b in reversed(backups) if RecordName.STORED in b.recorded_at), None)
    if newest is None:
        return None
    try:
        return look.ports.catalog.stored(newest.key).source_path
    except (CatalogError, ObjectNotFoundError):
        return None
