"""Is the capture report complete, and does it agree with itself, with the key and with the upload?"""

from collections.abc import Iterator
from math import isfinite

from fleetsave.checks import stored_record
from fleetsave.model.records import CaptureReport, Finding, Level, Outcome, StoredRecord

_ORIGINS = ("source", "collector")
_PAGE_SIZES = {1 << power for power in range(9, 17)}
"""SQLite's page sizes: powers of two from 512 to 65536."""


def check(record: StoredRecord) -> list[Finding]:
    """Find what is missing from a stored record or contradicts another part of it."""
    faults = [*stored_record.key_faults(record), *report_faults(record.snapshot), *stored_record.upload_faults(record)]
    if faults:
        return [Finding("capture_report", Outcome.FAILED, "; ".join(faults), Level.COMPLETE)]
    report = record.snapshot
    detail = (
        f"{report.method}, journal mode {report.journal_mode}, {report.page_count} pages of {report.page_size} bytes, "
        f"SQLite {report.sqlite_version}, hashed by the {report.sha256_origin}"
    )
    return [Finding("capture_report", Outcome.PASSED, detail, Level.COMPLETE)]


def report_faults(report: CaptureReport) -> Iterator[str]:
    """Yield what is missing from a capture's report, or contradicts another part of it."""
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
    if not stored_record.is_sha256(report.sha256):
        yield "sha256 is missing"
    if report.sha256_origin not in _ORIGINS:
        yield f"sha256_origin is {report.sha256_origin!r}"
