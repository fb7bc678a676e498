"""Having a run finish what an earlier one left: an object without its record, or an upload that was never completed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from fleetsave.model.due import is_due
from fleetsave.model.errors import CatalogError, InvalidInputError, ObjectNotFoundError
from fleetsave.model.history import Backup
from fleetsave.model.jobs import MAXIMUM_REPAIRS, Job
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.slots import Slot
from fleetsave.store.base import ObjectInfo
from fleetsave.watchdog.artifact_state import ArtifactState, read_state
from fleetsave.watchdog.look import Look, Seen
from fleetsave.watchdog.remedies import REQUEUED

FIRST = timedelta(hours=1)
"""How old an object without a record, or an open upload, is before it is seen to."""

GIVEN_UP = timedelta(days=1)
"""After so long what a run would go on with is swept from its server."""


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
    job = job_for(artifact_id, slot, backups, look)
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


def job_for(artifact_id: ArtifactId, slot: Slot, backups: Sequence[Backup], look: Look) -> Job | None:
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
