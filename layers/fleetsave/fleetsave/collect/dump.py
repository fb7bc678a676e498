"""From a job to a stored dump of a PostgreSQL database: streamed as it is written, and never on our disk.

Order of writes: parts -> globals -> state -> object -> stored.json -> announcement -> state cleared. Until the dump has come to
its end nothing appears; killed after that, the next run of the same job publishes what was uploaded. A dump that is cut
short cannot be gone on with: its snapshot lives only as long as the connection.
"""

from contextlib import closing
from dataclasses import replace

from fleetsave.collect.outcome import AlreadyStored, Outcome, Stored
from fleetsave.collect.ports import Ports
from fleetsave.collect.record import stored_record
from fleetsave.collect.state import StateFile, Transfer
from fleetsave.collect.upload import clear_the_way
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.fleet import Postgresql, PostgresqlDatabase
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.records import DumpReport, StoredRecord
from fleetsave.store.upload import UploadProgress, complete, upload_stream


def store_dump(job: Job, postgresql: Postgresql, database: PostgresqlDatabase, state: StateFile, ports: Ports) -> Outcome:
    """Dump one database for a slot, unless that is done. Doing it again is harmless.

    Raise CaptureError with its reason if no whole dump can be had, with nothing left in the store, or StoreError.
    """
    key = BackupKey(job.artifact_id, job.stored_slot, database.stored_compression, database.format)
    if ports.catalog.has(key, RecordName.STORED):
        info = ports.store.head(key.text)
        ports.announcer.announce(ports.bucket, key.text, info.size, info.etag)
        state.save_success()
        return AlreadyStored(key.text)
    uploaded = _uploaded(key, state)
    if uploaded is None:
        clear_the_way(key, state, ports)
        uploaded = _upload(key, postgresql, database, state, ports)
    return Stored(_publish(key, job, uploaded, state, ports))


def _uploaded(key: BackupKey, state: StateFile) -> Transfer | None:
    """Return the upload that an earlier run had brought to its end when it was killed."""
    transfer = state.transfer
    if transfer is None or transfer.progress.key != key.text or not isinstance(transfer.capture, DumpReport):
        return None
    return transfer


def _upload(
    key: BackupKey, postgresql: Postgresql, database: PostgresqlDatabase, state: StateFile, ports: Ports
) -> Transfer:  # fmt: skip
    if key.artifact_id.is_safety:
        # What is kept before a recovery may be what the owner's checks cannot be run on any more, a table of theirs dropped.
        database = database.model_copy(update={"checks": {}})
    with ports.open_dump(postgresql, database, ports.is_near_deadline) as dump:
        upload_id = ports.store.begin_upload(key.text, metadata={"fleetsave-database": database.name})
        progress = UploadProgress(key.text, upload_id, "", key.compression, None, (), ports.now())
        try:
            with closing(dump.chunks()) as chunks:
                outcome = upload_stream(ports.store, progress, chunks, save=_nothing, should_pause=_never)
            globals_key = key.globals_key or ""
            report = dump.report(globals_key, outcome.plain_sha256 or "")
            ports.store.put(globals_key, dump.globals_text)
            transfer = Transfer(replace(outcome.progress, snapshot_id=report.snapshot_id), report, outcome.stored_sha256)
            state.save_transfer(transfer)
        except FleetsaveError:
            ports.store.abort_upload(key.text, upload_id)
            raise
    return transfer


def _publish(key: BackupKey, job: Job, uploaded: Transfer, state: StateFile, ports: Ports) -> StoredRecord:
    """Make the object appear, write its record, and announce it."""
    report = uploaded.capture
    try:
        info = complete(ports.store, uploaded.progress)
    except FleetsaveError as error:
        if not error.retryable:
            ports.store.abort_upload(key.text, uploaded.progress.upload_id)
            state.save_transfer(None)
        raise
    record = stored_record(key, uploaded.progress, info, report, uploaded.stored_sha256, report.source_path, job, ports)
    ports.catalog.append(key, RecordName.STORED, record)
    ports.announcer.announce(ports.bucket, key.text, info.size, info.etag)
    state.save_success()
    return record


def _nothing(_progress: UploadProgress) -> None:
    """Remember nothing of an upload that cannot be gone on with."""


def _never() -> bool:
    """Tell that the upload never pauses; the dump itself ends when the time is up."""
    return False
