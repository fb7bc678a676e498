"""From a job to a stored dump or archive: streamed as it is written, and never on our disk.

Order of writes: parts -> what stands beside -> state -> object -> stored.json -> announcement -> state cleared. Until the stream
has come to its end nothing appears; killed after that, the artifact's next run publishes what was uploaded. A stream that is
cut short cannot be gone on with: what it shows lives only as long as the connection.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import replace

from fleetsave.collect.outcome import AlreadyStored, Outcome, Stored
from fleetsave.collect.ports import Ports
from fleetsave.collect.record import stored_record
from fleetsave.collect.state import StateFile, Transfer
from fleetsave.collect.upload import clear_the_way
from fleetsave.model.archives import ArchiveReport
from fleetsave.model.dumps import DumpReport
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.records import CaptureReport, StoredRecord
from fleetsave.sources.base import LiveStream
from fleetsave.store.upload import UploadProgress, complete, upload_stream

LiveReport = DumpReport | ArchiveReport
OpenStream = Callable[[], AbstractContextManager[LiveStream[LiveReport]]]
Require = Callable[[LiveReport], None]
"""Raises CaptureError if what came out is not to be stored."""


def store_stream(key: BackupKey, job: Job, open_stream: OpenStream, require: Require, state: StateFile, ports: Ports) -> Outcome:
    """Store what a stream gives for a slot, unless that is done. Doing it again is harmless.

    What a run that was killed had uploaded whole is published first, of whatever slot it is.
    Raise CaptureError with its reason if it cannot be had whole, with nothing left in the store, TransportError, or StoreError.
    """
    left = _unpublished(state, ports)
    if left is not None:
        published = _publish(left, state, ports)
        if published.key == key.text:
            return Stored(published)
    if ports.catalog.has(key, RecordName.STORED):
        info = ports.store.head(key.text)
        ports.announcer.announce(ports.bucket, key.text, info.size, info.etag)
        state.save_success()
        return AlreadyStored(key.text)
    clear_the_way(key, state, ports)
    uploaded = _upload(key, job.repair, open_stream, require, state, ports)
    return Stored(_publish(uploaded, state, ports))


def _unpublished(state: StateFile, ports: Ports) -> Transfer | None:
    """Return the upload that an earlier run had brought to its end when it was killed before its record."""
    left = state.transfer
    if left is None or isinstance(left.capture, CaptureReport):
        return None
    return None if ports.catalog.has(BackupKey.parse(left.progress.key), RecordName.STORED) else left


def _upload(
    key: BackupKey, repair: int, open_stream: OpenStream, require: Require, state: StateFile, ports: Ports
) -> Transfer:  # fmt: skip
    with open_stream() as stream:
        upload_id = ports.store.begin_upload(key.text)
        progress = UploadProgress(key.text, upload_id, "", key.compression, None, (), ports.now())
        try:
            with closing(stream.chunks()) as chunks:
                outcome = upload_stream(ports.store, progress, chunks, save=_nothing, should_pause=_never)
            beside_key = key.beside_key or ""
            report = stream.report(beside_key, outcome.plain_sha256 or "")
            require(report)
            ports.store.put(beside_key, stream.beside)
            progress = replace(outcome.progress, snapshot_id=report.snapshot_id)
            transfer = Transfer(progress, report, outcome.stored_sha256, repair)
            state.save_transfer(transfer)
        except FleetsaveError:
            ports.store.abort_upload(key.text, upload_id)
            raise
    return transfer


def _publish(uploaded: Transfer, state: StateFile, ports: Ports) -> StoredRecord:
    """Make the object appear, write its record, and announce it."""
    key = BackupKey.parse(uploaded.progress.key)
    try:
        info = complete(ports.store, uploaded.progress)
    except FleetsaveError as error:
        if not error.retryable:
            ports.store.abort_upload(key.text, uploaded.progress.upload_id)
            state.save_transfer(None)
        raise
    record = stored_record(key, uploaded, info, uploaded.capture.source_path, ports)
    ports.catalog.append(key, RecordName.STORED, record)
    ports.announcer.announce(ports.bucket, key.text, info.size, info.etag)
    state.save_success()
    return record


def _nothing(_progress: UploadProgress) -> None:
    """Remember nothing of an upload that cannot be gone on with."""


def _never() -> bool:
    """Tell that the upload never pauses; the dump itself ends when the time is up."""
    return False
