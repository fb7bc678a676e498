"""Uploads that lie open: finished by their job where that can be, aborted after a day, and left alone where they are not ours."""

from collections.abc import Sequence
from datetime import datetime

from fleetsave.catalog.histories import History, Place
from fleetsave.model.due import is_due
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import CENTRAL_SERVER_ID, BackupKey, backup_prefix
from fleetsave.model.watch import Problem
from fleetsave.store.base import ObjectStore, OpenUpload
from fleetsave.watchdog import problems
from fleetsave.watchdog.adoption import FIRST, GIVEN_UP, job_for
from fleetsave.watchdog.artifact_state import read_state
from fleetsave.watchdog.look import Look, Seen
from fleetsave.watchdog.remedies import REQUEUED


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
    job = job_for(key.artifact_id, key.slot, history.backups.get(key.artifact_id, ()), look)
    if job is None:
        done = "no job can finish it, and it is aborted a day after it was begun"
    else:
        done = "its job is queued again, which finishes it"
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
