"""From a stored backup to its verdict: read back, restored for real, compared with its source, written down.

Order: stored.json read -> object read -> checks -> verdict written -> a rejected backup's job queued again. Every step may be
repeated: verdicts are append-only, the first one that judges stands, and only `rejected` may join it.
"""

from datetime import datetime

import fleetsave
from fleetsave.checks.checksum import ReadBack
from fleetsave.model.errors import ObjectNotFoundError, VerificationError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.records import Finding, StoredRecord, VerdictRecord
from fleetsave.model.records import Outcome as Found
from fleetsave.observability import count
from fleetsave.store.base import ObjectInfo
from fleetsave.verify import beside, verdict
from fleetsave.verify.outcome import AlreadyJudged, Judged, NoRecordYet, Outcome, Pruned
from fleetsave.verify.ports import Ports
from fleetsave.verify.proof import prove
from fleetsave.verify.scratch import private_folder

_METRICS = {
    RecordName.REJECTED: "BackupsRejected",
    RecordName.VERIFIED: "BackupsVerified",
    RecordName.SUSPECT: "BackupsSuspect",
    RecordName.INCONCLUSIVE: "BackupsInconclusive",
}
"""Each verdict's metric; of several verdicts on one backup the first of these counts."""

_NOTHING = ReadBack(0, "", [], 0, "")


def verify(key: BackupKey, ports: Ports, *, force: bool = False) -> Outcome:
    """Judge one backup, unless these very bytes have been judged; with `force` read them again all the same.

    Doing it again, late or in any order is harmless. Raise StoreError or QueueError for what may pass, CatalogError for a
    record that cannot be read, VerificationError for a backup that cannot be judged; none of these is a verdict.
    """
    if ports.catalog.has(key, RecordName.PRUNED):
        return Pruned(key)
    try:
        stored = ports.catalog.stored(key)
    except ObjectNotFoundError:
        return NoRecordYet(key)
    info = _head(key, ports)
    standing = _standing_verdict(key, ports)
    if standing is not None and not force and _is_of_these_bytes(key, standing, stored, info, ports):
        return AlreadyJudged(key, standing, _repair(key, stored, standing, ports))
    started_at = ports.now()
    findings, read = _examine(key, stored, ports) if info is not None else ([_missing(key)], _NOTHING)
    reached = verdict.verdict(findings)
    if reached is not RecordName.VERIFIED:
        _require_unchanged(key, info, ports)
        if info is None and ports.catalog.has(key, RecordName.PRUNED):
            return Pruned(key)
    record = _record(key, reached, findings, read, info, started_at, ports.now())
    written = _write(key, reached, record, standing, ports)
    return Judged(key, reached, record, written, _repair(key, stored, reached, ports))


def _examine(key: BackupKey, stored: StoredRecord, ports: Ports) -> tuple[list[Finding], ReadBack]:
    try:
        with private_folder(ports.scratch) as folder:
            findings, read = prove(stored, folder, ports)
    except OSError as error:
        raise VerificationError(
            "restore", key.text, f"scratch folder {ports.scratch}: {error}", "Look at that disk.", retryable=True
        ) from error
    if not verdict.has_failed(findings):
        findings += beside.compare(key, stored, ports.catalog)
    return findings, read


def _write(key: BackupKey, reached: RecordName, record: VerdictRecord, standing: RecordName | None, ports: Ports) -> bool:
    """Write a verdict: the first one stands, and only `rejected` may join another; an inconclusive one lets each join it."""
    if standing not in (None, RecordName.INCONCLUSIVE) and reached is not RecordName.REJECTED:
        return False
    written = ports.catalog.append(key, reached, record)
    if written:
        count(_METRICS[reached])
    return written


def _repair(key: BackupKey, stored: StoredRecord, reached: RecordName, ports: Ports) -> Job | None:
    """Queue the capture of a rejected backup's slot once more, and return the job.

    Not if it was made before a recovery: the recovery decides, and may have replaced what the slot stands for.
    Not if that cannot help, and not once a later slot is stored: its data would stand under a time long gone. Doing it on
    every delivery closes the gap between a verdict written and a job queued; the queue and collect know the job.
    """
    if reached is not RecordName.REJECTED or key.artifact_id.is_safety or not beside.is_newest(key, ports.catalog):
        return None
    job = Job.again(stored)
    if job is None or not verdict.is_curable(ports.catalog.verdict(key, RecordName.REJECTED).findings):
        return None
    ports.queue.send([job])
    return job


def _standing_verdict(key: BackupKey, ports: Ports) -> RecordName | None:
    return next((name for name in _METRICS if ports.catalog.has(key, name)), None)


def _is_of_these_bytes(key: BackupKey, standing: RecordName, stored: StoredRecord, info: ObjectInfo | None, ports: Ports) -> bool:
    """Tell whether a verdict is about what is stored now; a rejected backup stays rejected whatever is there."""
    if standing is RecordName.REJECTED:
        return True
    return info is not None and (info.etag, info.size) == (ports.catalog.verdict(key, standing).etag, stored.stored_size)


def _head(key: BackupKey, ports: Ports) -> ObjectInfo | None:
    try:
        return ports.store.head(key.text)
    except ObjectNotFoundError:
        return None


def _require_unchanged(key: BackupKey, info: ObjectInfo | None, ports: Ports) -> None:
    """Make sure that what speaks against a backup was not read while it was being replaced or deleted."""
    now = _head(key, ports)
    if (now and (now.etag, now.size)) != (info and (info.etag, info.size)):
        raise VerificationError(
            "verify", key.text, "the object changed while it was read", "It is read again.", retryable=True
        )  # fmt: skip


def _missing(key: BackupKey) -> Finding:
    return Finding("missing", Found.FAILED, f"the record is there, but there is no object at {key}")


def _record(
    key: BackupKey,
    reached: RecordName,
    findings: list[Finding],
    read: ReadBack,
    info: ObjectInfo | None,
    started_at: datetime,
    ended_at: datetime,
) -> VerdictRecord:
    return VerdictRecord(
        key=key.text,
        verdict=reached,
        level=verdict.level(findings),
        findings=findings,
        etag=info.etag if info else "",
        stored_sha256=read.stored_sha256,
        plain_sha256=read.plain_sha256,
        started_at=started_at,
        seconds=(ended_at - started_at).total_seconds(),
        verifier_version=fleetsave.__version__,
    )
