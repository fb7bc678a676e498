"""Is the report of an archive complete, and does it agree with itself, with the key and with the upload?"""

from collections.abc import Iterator
from math import isfinite

from fleetsave.archives.manifest_reading import MAXIMUM_SIZE
from fleetsave.checks import stored_record
from fleetsave.model.archives import ABSENT_PROBLEMS, PRESENT_PROBLEMS, ArchiveReport
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import BackupKey
from fleetsave.model.records import Finding, Level, Outcome, StoredRecord

_ORIGINS = ("source", "collector")
_BLOCK = 512
_LEAST_BLOCKS = 4
"""Blocks of the smallest archive: the manifest's header and content, and two of zeros at the end."""

_HASHED_AT_ONCE = 1 << 30
_HASHED_A_SECOND = 16 << 30
"""Bytes that no capture hashes faster, holes among them: so a file with a hole beyond reason shows before it is hashed here."""


def check(record: StoredRecord) -> list[Finding]:
    """Find what is missing from the record of an archive or contradicts another part of it."""
    report = record.archive
    faults = [
        *stored_record.key_faults(record),
        *_key_faults(record),
        *_report_faults(report),
        *_count_faults(report),
        *stored_record.upload_faults(record),
    ]
    if faults:
        return [Finding("archive_report", Outcome.FAILED, "; ".join(faults), Level.COMPLETE)]
    detail = (
        f"{report.method}, {report.runtime}: {report.files} files of {report.content_size} bytes, {report.directories} folders, "
        f"{report.links} links, {len(report.databases)} databases, hashed by the {report.sha256_origin}"
    )
    return [Finding("archive_report", Outcome.PASSED, detail, Level.COMPLETE)]


def _key_faults(record: StoredRecord) -> Iterator[str]:
    try:
        key = BackupKey.parse(record.key)
    except InvalidInputError:
        return  # told already
    if record.archive.manifest.key != key.beside_key:
        yield f"its manifest is {record.archive.manifest.key[:200]!r}, not beside it"


def _report_faults(report: ArchiveReport) -> Iterator[str]:
    for name in ("snapshot_id", "method", "source_path", "runtime"):
        if not getattr(report, name):
            yield f"{name} is missing"
    if not isfinite(report.seconds) or report.seconds < 0:
        yield f"seconds is {report.seconds}"
    elif report.content_size > _HASHED_AT_ONCE + _HASHED_A_SECOND * report.seconds:
        yield f"{report.content_size} bytes of content cannot have been hashed in {report.seconds} s"
    if report.size % _BLOCK or report.size < _LEAST_BLOCKS * _BLOCK:
        yield f"{report.size} bytes are no whole archive"
    if not stored_record.is_sha256(report.sha256):
        yield "sha256 is missing"
    if report.sha256_origin not in _ORIGINS:
        yield f"sha256_origin is {report.sha256_origin!r}"
    if not stored_record.is_sha256(report.manifest.sha256) or not 0 < report.manifest.size <= MAXIMUM_SIZE:
        yield "sha256 or size of the manifest is missing, or beyond reason"


def _count_faults(report: ArchiveReport) -> Iterator[str]:
    for name in ("files", "directories", "links", "content_size"):
        if getattr(report, name) < 0:
            yield f"{name} is {getattr(report, name)}"
    if len(set(report.databases)) != len(report.databases) or len(report.databases) > max(report.files, 0):
        yield "a database is named twice, or is no file"
    unknown = sorted(report.problems.keys() - ABSENT_PROBLEMS - PRESENT_PROBLEMS)
    if unknown or any(count < 1 for count in report.problems.values()):
        yield f"unknown problems, or none of a problem: {', '.join(unknown)[:200]}"
    if len(report.named) > sum(report.problems.values()):
        yield f"{sum(report.problems.values())} problems are counted, {len(report.named)} named"
