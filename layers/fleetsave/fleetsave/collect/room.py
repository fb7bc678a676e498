"""From a job to a stored backup: capture on the server, stream to the store, write the record.

Order of writes: state -> parts -> object -> stored.json -> announcement -> snapshot removed -> state cleared. Killed
between any two, the next run of the same job goes on from there.
"""

from dataclasses import replace

from fleetsave.collect import upload
from fleetsave.collect.outcome import AlreadyStored, Expanded, HandedOn, Outcome, Stored
from fleetsave.collect.ports import Ports
from fleetsave.collect.state import StateFile
from fleetsave.model.errors import CaptureError, ConfigurationError, FleetsaveError
from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.sources.sqlite import source
from fleetsave.transports.base import Transport


def collect(job: Job, ports: Ports) -> Outcome:
    """Do one job, as far as the deadline allows.

    Doing it again is harmless. Raise FleetsaveError after remembering it in the artifact's state; if it is retryable, the
    same job may be done again and goes on where this run ended.
    """
    state = StateFile(ports.store, job.artifact_id)
    try:
        server, database = _configured(job, ports)
        transport = ports.open_transport(server)
        try:
            if database.is_glob and job.source_path is None:
                return _expand(job, database, transport, ports)
            return _store(job, server, database, transport, state, ports)
        finally:
            transport.close()
    except FleetsaveError as error:
        state.save_failure(error, job.stored_slot.text, ports.now())
        raise


def _configured(job: Job, ports: Ports) -> tuple[Server, SqliteDatabase]:
    found = ports.fleet.find(job.artifact_id)
    if found is None:
        raise ConfigurationError(
            "collect", str(job.artifact_id), "the fleet file does not name it",
            "It was removed after the job was queued; if not, push the fleet file.",
        )  # fmt: skip
    return found


def _expand(job: Job, database: SqliteDatabase, transport: Transport, ports: Ports) -> Expanded:
    """Queue one job for each file a glob matches; an artifact's name follows from its path alone."""
    paths = source.expand(transport, database)
    if not paths:
        raise CaptureError(
            "expand", f"{job.artifact_id} {database.path}", "no file matches", "Check the pattern in the fleet file.",
            reason="nothing_matches",
        )  # fmt: skip
    server_id, kind = job.artifact_id.server_id, job.artifact_id.kind
    jobs = [
        replace(job, artifact_id=ArtifactId(server_id, kind, source.artifact_name(database, path)), source_path=path)
        for path in paths
    ]
    ports.queue.send(jobs)
    return Expanded(jobs)


def _store(job: Job, server: Server, database: SqliteDatabase, transport: Transport, state: StateFile, ports: Ports) -> Outcome:
    key = BackupKey(job.artifact_id, job.stored_slot, database.compression)
    if ports.catalog.has(key, RecordName.STORED):
        info = ports.store.head(key.text)
        ports.announcer.announce(ports.bucket, key.text, info.size, info.etag)
        state.save_success()
        return AlreadyStored(key.text)
    source_path = job.source_path or database.path
    source.require_match(database, source_path)
    stream = upload.open_stream(key, server, database, source_path, transport, state, ports)
    finished = stream.run()
    if not finished:
        following = replace(job, hop=job.hop + 1)
        ports.queue.send([following])
        return HandedOn(following, stream.plain_offset)
    return Stored(stream.publish(job, source_path))
