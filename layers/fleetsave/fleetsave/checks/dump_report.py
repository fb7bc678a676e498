"""Is the report of a dump complete, and does it agree with itself, with the key and with the upload?"""

from collections.abc import Iterator
from math import isfinite

from fleetsave.checks import stored_record
from fleetsave.model.dumps import DumpReport
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import DumpFormat
from fleetsave.model.records import Finding, Level, Outcome, StoredRecord

_OLDEST_SERVER = 9_02_00
"""pg_dump reads no older ones."""

_PROVIDERS = ("libc", "icu", "builtin")


def check(record: StoredRecord) -> list[Finding]:
    """Find what is missing from the record of a dump or contradicts another part of it."""
    report = record.dump
    faults = [
        *stored_record.key_faults(record),
        *_key_faults(record),
        *_report_faults(report),
        *_text_faults(report),
        *stored_record.upload_faults(record),
    ]
    if faults:
        return [Finding("dump_report", Outcome.FAILED, "; ".join(faults), Level.COMPLETE)]
    detail = (
        f"{report.method} {report.tools_version}, format {report.format}, of a server {report.server_version}, "
        f"{len(report.text.blocks)} tables with data, hashed by the {report.sha256_origin}"
    )
    return [Finding("dump_report", Outcome.PASSED, detail, Level.COMPLETE)]


def _key_faults(record: StoredRecord) -> Iterator[str]:
    try:
        key = BackupKey.parse(record.key)
    except InvalidInputError:
        return  # told already
    report = record.dump
    if key.format is not report.format:
        yield f"its key is that of format {key.format}, the dump is {report.format}"
    if report.globals.key != key.beside_key:
        yield f"its globals are {report.globals.key!r}, not beside it"


def _report_faults(report: DumpReport) -> Iterator[str]:
    for name in (
        "snapshot_id", "method", "source_path", "server_version", "tools_version", "restrict_key", "bootstrap_superuser"
    ):  # fmt: skip
        if not getattr(report, name):
            yield f"{name} is missing"
    for name in ("seconds", "database_size"):
        value = getattr(report, name)
        if not isfinite(value) or value < 0:
            yield f"{name} is {value}"
    if report.server_version_number < _OLDEST_SERVER:
        yield f"server_version_number is {report.server_version_number}"
    if not report.database.encoding or report.database.provider not in _PROVIDERS:
        yield f"encoding is {report.database.encoding!r}, provider {report.database.provider!r}"
    if not stored_record.is_sha256(report.sha256):
        yield "sha256 is missing"
    if not stored_record.is_sha256(report.globals.sha256) or report.globals.size < 1:
        yield "sha256 or size of the globals is missing"
    if report.sha256_origin != "collector":
        yield f"sha256_origin is {report.sha256_origin!r}"


def _text_faults(report: DumpReport) -> Iterator[str]:
    text = report.text
    digests = [text.sha256, text.schema_sha256, *(block.sha256 for block in text.blocks.values())]
    if not all(map(stored_record.is_sha256, digests)):
        yield "a sha256 of the text is missing"
    if any(block.rows < 0 for block in text.blocks.values()):
        yield "a table has less than no rows"
    if report.format is DumpFormat.PLAIN and (text.size, text.sha256) != (report.size, report.sha256):
        yield "a plain dump is its own text, and this has another size or sha256"
    if report.fingerprint is not None:
        if report.fingerprint.schema_sha256 != text.schema_sha256:
            yield "the schema's sha256 is not that of the text"
        missing = sorted(report.fingerprint.row_counts.keys() - text.blocks.keys())
        if missing:
            yield f"counted, but without data in the dump: {', '.join(missing[:5])}"
