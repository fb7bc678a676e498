"""Is the capture report complete, and does it agree with itself, with the key and with the upload?"""

import re
from collections.abc import Iterator
from math import isfinite

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Compression
from fleetsave.model.records import CaptureReport, Finding, Level, Outcome, StoredRecord

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ORIGINS = ("source", "collector")
_PAGE_SIZES = {1 << power for power in range(9, 17)}
"""SQLite's page sizes: powers of two from 512 to 65536."""


def check(record: StoredRecord) -> list[Finding]:
    """Find what is missing from a stored record or contradicts another part of it."""
    faults = [*_key_faults(record), *_report_faults(record.snapshot), *_size_faults(record), *_part_faults(record)]
    if faults:
        return [Finding("capture_report", Outcome.FAILED, "; ".join(faults), Level.COMPLETE)]
    report = record.snapshot
    detail = (
        f"{report.method}, journal mode {report.journal_mode}, {report.page_count} pages of {report.page_size} bytes, "
        f"SQLite {report.sqlite_version}, hashed by the {report.sha256_origin}"
    )
    return [Finding("capture_report", Outcome.PASSED, detail, Level.COMPLETE)]


def _key_faults(record: StoredRecord) -> Iterator[str]:
    try:
        key = BackupKey.parse(record.key)
    except InvalidInputError:
        yield "its key is not the key of a backup"
        return
    told = (record.server_id, record.kind, record.artifact, record.slot, record.compression)
    artifact_id = key.artifact_id
    if told != (artifact_id.server_id, artifact_id.kind, artifact_id.artifact, key.slot.text, key.compression):
        yield "server, kind, artifact, slot or compression is not that of its key"
    if record.finished_at < record.started_at:
        yield "it finished before it started"


def _report_faults(report: CaptureReport) -> Iterator[str]:
    for name in ("snapshot_id", "method", "journal_mode", "sqlite_version", "runtime", "source_path"):
        if not getattr(report, name):
            yield f"{name} is missing"
    for name in ("seconds", "lock_seconds", "writer_stall_seconds", "source_size"):
        value = getattr(report, name)
        if not isfinite(value) or value < 0:
            yield f"{name} is {value}"
    if report.page_size not in _PAGE_SIZES:
        yield f"page size is {report.page_size}"
    if report.page_count < 1:
        yield f"page count is {report.page_count}"
    if report.page_size * report.page_count != report.size:
        yield f"{report.page_count} pages of {report.page_size} bytes are not {report.size} bytes"
    if not _SHA256.fullmatch(report.sha256):
        yield "sha256 is missing"
    if report.sha256_origin not in _ORIGINS:
        yield f"sha256_origin is {report.sha256_origin!r}"


def _size_faults(record: StoredRecord) -> Iterator[str]:
    report = record.capture
    if record.plain_size != report.size:
        yield f"{record.plain_size} bytes were stored of {report.size} captured"
    if record.plain_sha256 != report.sha256:
        yield "the sha256 stored is not the sha256 captured"
    if record.source_path != report.source_path:
        yield "the path captured is not the path asked for"
    if record.compression is Compression.NONE:
        if record.stored_size != record.plain_size:
            yield f"{record.stored_size} bytes stored uncompressed are not {record.plain_size}"
        if record.stored_sha256 not in (None, record.plain_sha256):
            yield "uncompressed bytes have another sha256 stored than plain"


def _part_faults(record: StoredRecord) -> Iterator[str]:
    parts = record.parts
    if not parts:
        yield "no parts are recorded"
        return
    if [part.number for part in parts] != list(range(1, len(parts) + 1)):
        yield "part numbers are not 1, 2, 3 ..."
    if any(part.size < 1 for part in parts) or sum(part.size for part in parts) != record.stored_size:
        yield f"the parts' sizes do not add up to {record.stored_size} bytes"
    ends = [part.plain_end for part in parts]
    if ends != sorted(ends) or ends[-1] != record.plain_size:
        yield f"the parts do not end at plain byte {record.plain_size}"
    if not all(_SHA256.fullmatch(part.sha256) for part in parts):
        yield "a part has no sha256"
