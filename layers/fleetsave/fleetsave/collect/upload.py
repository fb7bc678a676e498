"""One upload from one snapshot: begun, gone on with, or begun anew, but never spliced from two."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from fleetsave.collect.ports import Ports
from fleetsave.collect.record import stored_record
from fleetsave.collect.state import StateFile, Transfer
from fleetsave.model.errors import CaptureError, CatalogError, FleetsaveError, InvalidInputError, ObjectNotFoundError
from fleetsave.model.fleet import SqliteDatabase
from fleetsave.model.keys import BackupKey, RecordName, backup_prefix
from fleetsave.model.records import StoredRecord
from fleetsave.sources.base import Capture, ServerSource
from fleetsave.sources.sqlite.names import snapshot_name
from fleetsave.store.upload import UploadProgress, complete, upload_stream

LEFTOVER_AGE = timedelta(days=1)
"""Snapshots older than this belong to no run: a job is dropped by its queue long before."""


class Stream:
    """A snapshot on its way into the store."""

    def __init__(self, key: BackupKey, capture: Capture, transfer: Transfer, state: StateFile, ports: Ports) -> None:
        self.key = key
        self._capture = capture
        self._transfer = transfer
        self._state = state
        self._ports = ports

    @property
    def plain_offset(self) -> int:
        """Return how many plain bytes the store has."""
        return self._transfer.progress.plain_offset

    def run(self) -> bool:
        """Stream until the end or until the deadline is near; return whether the end was reached.

        Raise FleetsaveError. What a later run can go on with is left for it; everything else is aborted and removed.
        """
        try:
            started_at_offset = self.plain_offset
            chunks = self._capture.read(started_at_offset)
            outcome = upload_stream(
                self._ports.store, self._transfer.progress, chunks, save=self._save, should_pause=self._ports.is_near_deadline
            )
            self._transfer = replace(self._transfer, progress=outcome.progress, stored_sha256=outcome.stored_sha256)
            if not outcome.finished:
                self._check_can_pause(started_at_offset)
            elif outcome.plain_sha256 not in (None, self._capture.report.sha256):
                raise _refused(self.key, "the bytes received are not those the server hashed", "altered_in_transit")
        except FleetsaveError as error:
            # A capture error speaks of the snapshot or the bytes themselves: nothing of such an upload may be gone on with.
            if isinstance(error, CaptureError) or not (error.retryable and self._capture.resumable):
                self._abandon()
            raise
        return outcome.finished

    def publish(self, source_path: str) -> StoredRecord:
        """Make the object appear, write its record, announce it, and remove the snapshot; return the record."""
        try:
            info = complete(self._ports.store, self._transfer.progress)
        except FleetsaveError as error:
            if not error.retryable:
                self._abandon()
            raise
        record = stored_record(self.key, self._transfer, info, source_path, self._ports)
        self._ports.catalog.append(self.key, RecordName.STORED, record)
        self._ports.announcer.announce(self._ports.bucket, self.key.text, info.size, info.etag)
        self._capture.release()
        self._state.save_success()
        return record

    def _save(self, progress: UploadProgress) -> None:
        self._transfer = replace(self._transfer, progress=progress)
        self._state.save_transfer(self._transfer)

    def _check_can_pause(self, started_at_offset: int) -> None:
        if not self._capture.resumable:
            raise _refused(
                self.key, "the transfer does not fit one run, and without a snapshot on the server it cannot go on", "too_slow"
            )
        if self.plain_offset == started_at_offset:
            raise _refused(self.key, "a whole run passed without one part arriving", "too_slow")

    def _abandon(self) -> None:
        try:
            self._ports.store.abort_upload(self.key.text, self._transfer.progress.upload_id)
            self._state.save_transfer(None)
        finally:
            self._capture.release()


def open_stream(
    key: BackupKey,
    repair: int,
    database: SqliteDatabase,
    source_path: str,
    source: ServerSource,
    state: StateFile,
    ports: Ports,
) -> Stream:
    """Go on with the upload of an earlier run if its snapshot is still the same, else begin one for `key`.

    The earlier one may be of an older slot, and is finished first: where an upload takes longer than a period, each slot would
    else abort that of the slot before, for ever. Only a safety backup does not wait for an older one: a recovery waits for it.

    Raise CaptureError if no snapshot can be taken, CatalogError if an object without a record is in the way.
    """
    name = snapshot_name(key.artifact_id, key.slot)
    transfer = state.transfer
    if transfer is not None:
        begun = BackupKey.parse(transfer.progress.key)
        capture = source.resume(snapshot_name(begun.artifact_id, begun.slot))
        is_wanted = begun == key or not key.artifact_id.is_safety
        if capture is not None and is_wanted and capture.report.snapshot_id == transfer.capture.snapshot_id:
            return Stream(begun, capture, transfer, state, ports)
        if capture is not None:
            capture.release()
    clear_the_way(key, state, ports)
    source.sweep(older_than=LEFTOVER_AGE)
    capture = source.capture(database, source_path, name, scratch=ports.scratch)
    transfer = _release_if_it_fails(capture, lambda: _begin(key, repair, capture, database, state, ports))
    return Stream(key, capture, transfer, state, ports)


def _begin(
    key: BackupKey, repair: int, capture: Capture, database: SqliteDatabase, state: StateFile, ports: Ports
) -> Transfer:  # fmt: skip
    report = capture.report
    metadata = {"fleetsave-plain-sha256": report.sha256, "fleetsave-plain-size": str(report.size)}
    upload_id = ports.store.begin_upload(key.text, metadata=metadata)
    progress = UploadProgress(
        key=key.text,
        upload_id=upload_id,
        snapshot_id=report.snapshot_id,
        compression=database.compression,
        plain_size=report.size,
        parts=(),
        started_at=ports.now(),
    )
    transfer = Transfer(progress, report, repair=repair)
    state.save_transfer(transfer)
    return transfer


def clear_the_way(key: BackupKey, state: StateFile, ports: Ports) -> None:
    """Abort what earlier runs of this artifact left open, among them uploads begun by a run killed before it noted them.

    Raise CatalogError if an object without a record is in the way.
    """
    for upload in list(ports.store.list_uploads(backup_prefix(key.artifact_id.server_id, key.artifact_id.kind))):
        try:
            owner = BackupKey.parse(upload.key).artifact_id
        except InvalidInputError:
            continue  # not made by us: the bucket's lifecycle rule sees to it
        if owner == key.artifact_id:
            ports.store.abort_upload(upload.key, upload.upload_id)
    state.save_transfer(None)
    try:
        ports.store.head(key.text)
    except ObjectNotFoundError:
        return
    raise CatalogError(
        "store", key.text, "an object is there already, without a record", "Look at it; the next slot is captured as usual."
    )


def _release_if_it_fails(capture: Capture, begin: Callable[[], Transfer]) -> Transfer:
    try:
        return begin()
    except FleetsaveError:
        capture.release()
        raise


def _refused(key: BackupKey, cause: str, reason: str) -> CaptureError:
    return CaptureError(
        "transfer", key.text, cause, "It is captured again; if this goes on, look at server and network.",
        reason=reason, retryable=True,
    )  # fmt: skip
