"""From a job to a stored backup: capture on the server, stream to the store, write the record.

While a recovery of the server is under way the job waits; one that begins during a capture changes nothing: what is stored
is a frozen snapshot, all of it older than the recovery or the consistent state of one moment.

Order of writes: state -> parts -> object -> stored.json -> announcement -> snapshot removed -> state cleared. Killed
between any two, the artifact's next run goes on from there, whatever slot's job it is of.
"""

from contextlib import closing
from dataclasses import replace

from fleetsave.collect import upload
from fleetsave.collect.archive import store_archive
from fleetsave.collect.dump import store_dump
from fleetsave.collect.hold_off import wait_for_recovery
from fleetsave.collect.late import for_newest_slot
from fleetsave.collect.outcome import AlreadyStored, Expanded, HandedOn, HeldOff, Outcome, Stored, Superseded, Swept
from fleetsave.collect.ports import Ports
from fleetsave.collect.state import StateFile
from fleetsave.model.errors import CaptureError, ConfigurationError, FleetsaveError, InvalidInputError, StoreError
from fleetsave.model.fleet import FileSet, Full, Server, SqliteDatabase
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.sources.base import ServerSource
from fleetsave.sources.sqlite.names import artifact_name, require_match, snapshot_name


def collect(job: Job, ports: Ports) -> Outcome:
    """Do one job, as far as the deadline allows.

    Doing it again is harmless. Raise FleetsaveError after remembering it in the artifact's state; if it is retryable, the
    same job may be done again and goes on where this run ended.
    """
    if job.sweep:
        return _sweep(job, ports)
    state = StateFile(ports.store, job.artifact_id)
    try:
        _require_configured(job, ports)
        needed = for_newest_slot(job, state, ports)
        if isinstance(needed, Superseded):
            return needed
        job = needed
        recovery_id = wait_for_recovery(job, ports)
        if recovery_id is not None:
            return HeldOff(_hand_on(job, ports), recovery_id)
        dumped = ports.fleet.find_postgresql(job.artifact_id)
        if dumped is not None:
            return store_dump(job, *dumped, state, ports)
        return _from_server(job, state, ports)
    except FleetsaveError as error:
        _remember(error, job, state, ports)
        raise


def _from_server(job: Job, state: StateFile, ports: Ports) -> Outcome:
    server, artifact = _find(job, ports)
    with closing(ports.open_source(server)) as source:
        if not isinstance(artifact, SqliteDatabase):
            return store_archive(job, server, artifact, source, state, ports)
        if artifact.is_glob and job.source_path is None and not job.artifact_id.is_safety:
            return _expand(job, artifact, source, state, ports)
        return _store(job, artifact, source, state, ports)


def _sweep(job: Job, ports: Ports) -> Swept:
    """Remove what runs of long ago have left on the job's server; a database server keeps nothing of ours.

    What goes wrong is no failure of the artifact, whose state says how its captures went.
    """
    _require_configured(job, ports)
    if ports.fleet.find_postgresql(job.artifact_id) is not None:
        return Swept([])
    with closing(ports.open_source(_find(job, ports)[0])) as source:
        return Swept(source.sweep(older_than=upload.LEFTOVER_AGE))


def _find(job: Job, ports: Ports) -> tuple[Server, SqliteDatabase | FileSet | Full]:
    found = ports.fleet.find(job.artifact_id) or ports.fleet.find_archive(job.artifact_id)
    assert found is not None  # noqa: S101 - it is configured, and no dump
    return found


def _remember(error: FleetsaveError, job: Job, state: StateFile, ports: Ports) -> None:
    try:
        state.save_failure(error, job.stored_slot.text, ports.now())
    except StoreError as unsaved:
        if isinstance(error, StoreError):
            return  # it says the same
        raise type(unsaved)(
            "remember the failure of", str(job.artifact_id), f"{unsaved.cause}; the failure was: {error}", unsaved.hint,
            retryable=unsaved.retryable,
        ) from error  # fmt: skip


def _require_configured(job: Job, ports: Ports) -> None:
    if not ports.fleet.names(job.artifact_id):
        raise ConfigurationError(
            "collect", str(job.artifact_id), "the fleet file does not name it",
            "It was removed after the job was queued; if not, push the fleet file.",
        )  # fmt: skip


def _expand(job: Job, database: SqliteDatabase, source: ServerSource, state: StateFile, ports: Ports) -> Expanded:
    """Queue one job for each file a glob matches; an artifact's name follows from its path alone."""
    paths = source.expand(database)
    if not paths:
        raise CaptureError(
            "expand", f"{job.artifact_id} {database.path}", "no file matches", "Check the pattern in the fleet file.",
            reason="nothing_matches",
        )  # fmt: skip
    server_id, kind = job.artifact_id.server_id, job.artifact_id.kind
    jobs = [
        replace(job, artifact_id=ArtifactId(server_id, kind, artifact_name(database, path)), source_path=path) for path in paths
    ]
    ports.queue.send(jobs)
    state.save_success()
    return Expanded(jobs)


def _store(job: Job, database: SqliteDatabase, source: ServerSource, state: StateFile, ports: Ports) -> Outcome:
    key = BackupKey(job.artifact_id, job.stored_slot, database.compression)
    if ports.catalog.has(key, RecordName.STORED):
        return _already_stored(key, source, state, ports)
    source_path = job.source_path or database.path
    _require_match(job, database, source_path)
    stream = upload.open_stream(key, job.repair, database, source_path, source, state, ports)
    finished = stream.run()
    if not finished:
        return HandedOn(_hand_on(job, ports), stream.plain_offset)
    record = stream.publish(source_path)
    if stream.key != key:
        _hand_on(job, ports)  # an earlier run's upload came first; the job's own slot gets a run of its own
    return Stored(record)


def _hand_on(job: Job, ports: Ports) -> Job:
    following = replace(job, hop=job.hop + 1)
    ports.queue.send([following])
    return following


def _already_stored(key: BackupKey, source: ServerSource, state: StateFile, ports: Ports) -> AlreadyStored:
    """Announce once more, and do what a run that was killed right after its record had still to do."""
    info = ports.store.head(key.text)
    ports.announcer.announce(ports.bucket, key.text, info.size, info.etag)
    if state.transfer is not None and state.transfer.progress.key == key.text:
        left = source.resume(snapshot_name(key.artifact_id, key.slot))
        if left is not None:
            left.release()
    state.save_success()
    return AlreadyStored(key.text)


def _require_match(job: Job, database: SqliteDatabase, source_path: str) -> None:
    """Raise InvalidInputError unless the fleet file means this file, and by this name: else it would pass for another."""
    if database.is_glob and job.source_path is None:
        raise InvalidInputError(
            "collect", str(job.artifact_id), f"it does not say which file of {database.path!r} is meant",
            "A recovery names the file; drop this one.",
        )  # fmt: skip
    require_match(database, source_path)
    own = replace(job.artifact_id, artifact=artifact_name(database, source_path))
    meant = own.safety if job.artifact_id.is_safety else own
    if meant != job.artifact_id:
        raise InvalidInputError(
            "collect", str(job.artifact_id), f"the artifact of {source_path[:200]!r} is named {meant.artifact}",
            "Jobs are made from the fleet file; drop this one.",
        )  # fmt: skip
