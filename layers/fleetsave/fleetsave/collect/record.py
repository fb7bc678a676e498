"""The record of a stored backup, made from what its upload and its capture came to."""

import fleetsave
from fleetsave.collect import restore_by_hand
from fleetsave.collect.ports import Ports
from fleetsave.collect.state import Transfer
from fleetsave.model.keys import BackupKey
from fleetsave.model.records import StoredRecord
from fleetsave.store.base import ObjectInfo


def stored_record(key: BackupKey, transfer: Transfer, info: ObjectInfo, source_path: str, ports: Ports) -> StoredRecord:
    """Return what `stored.json` says of an upload that is complete; `info` is what the store says of the object."""
    artifact_id, progress, report = key.artifact_id, transfer.progress, transfer.capture
    return StoredRecord(
        key=key.text,
        server_id=artifact_id.server_id,
        kind=artifact_id.kind,
        artifact=artifact_id.artifact,
        slot=key.slot.text,
        compression=key.compression,
        plain_sha256=report.sha256,
        plain_size=report.size,
        stored_sha256=transfer.stored_sha256,
        stored_size=info.size,
        etag=info.etag,
        parts=list(progress.parts),
        capture=report,
        started_at=progress.started_at,
        finished_at=ports.now(),
        fleetsave_version=fleetsave.__version__,
        restore_by_hand=restore_by_hand.commands(ports.bucket, ports.endpoint, key, report),
        source_path=source_path,
        repair=transfer.repair,
    )
