"""Is the backup plausible beside the newest earlier verified one of its artifact?"""

from fleetsave.model.archives import ArchiveReport
from fleetsave.model.dumps import DumpReport
from fleetsave.model.records import Finding, Fingerprint, Outcome, StoredRecord

_SHRUNK = 0.5
"""Losing more than this part of the bytes, rows or files between two backups is a cliff."""

_NAMED = 5


def check(record: StoredRecord, earlier: StoredRecord | None) -> list[Finding]:
    """Look for cliffs in size, tables, rows and files; a cliff is suspect, since the capture may well be true to its source."""
    if earlier is None:
        return [Finding("plausibility", Outcome.SKIPPED, "no earlier backup of this artifact is verified")]
    cliffs = _size_cliffs(record, earlier) + _archive_cliffs(record, earlier)
    now, before = record.capture.fingerprint, earlier.capture.fingerprint
    note = ""
    if now is not None and before is not None:
        cliffs += _row_cliffs(now.row_counts, before.row_counts)
        note = _schema_note(now, before)
    beside = f"beside {earlier.key}"
    if cliffs:
        return [Finding("plausibility", Outcome.SUSPECT, f"{beside}: {'; '.join(cliffs)}{note}")]
    detail = f"{beside}: {_size(earlier)} bytes then, {_size(record)} now{note}"
    return [Finding("plausibility", Outcome.PASSED, detail)]


def _size_cliffs(record: StoredRecord, earlier: StoredRecord) -> list[str]:
    now, before = _size(record), _size(earlier)
    return [f"shrunk from {before} to {now} bytes"] if now < before * (1 - _SHRUNK) else []


def _size(record: StoredRecord) -> int:
    """Return the bytes of what was backed up; a dump counts by its text, an archive by what is in its files."""
    if isinstance(record.capture, ArchiveReport):
        return record.capture.content_size
    return record.capture.text.size if isinstance(record.capture, DumpReport) else record.plain_size


def _archive_cliffs(record: StoredRecord, earlier: StoredRecord) -> list[str]:
    now, before = record.capture, earlier.capture
    if not isinstance(now, ArchiveReport) or not isinstance(before, ArchiveReport):
        return []
    counts = {
        "files": (now.files, before.files),
        "members": (_members(now), _members(before)),
        "databases": (len(now.databases), len(before.databases)),
    }
    return [f"{then} {what} then, {here} now" for what, (here, then) in counts.items() if here < then * (1 - _SHRUNK)]


def _members(report: ArchiveReport) -> int:
    return report.files + report.directories + report.links


def _row_cliffs(now: dict[str, int], before: dict[str, int]) -> list[str]:
    cliffs = []
    if len(now) < len(before):
        cliffs.append(f"{len(before)} tables then, {len(now)} now: without {_names(before.keys() - now.keys())}")
    emptied = {table for table, rows in before.items() if rows > 0 and now.get(table) == 0}
    if emptied:
        cliffs.append(f"emptied: {_names(emptied)}")
    total, total_before = sum(now.values()), sum(before.values())
    if total < total_before * (1 - _SHRUNK):
        cliffs.append(f"{total_before} rows then, {total} now")
    return cliffs


def _schema_note(now: Fingerprint, before: Fingerprint) -> str:
    return "" if now.schema_sha256 == before.schema_sha256 else "; the schema has changed"


def _names(tables: set[str]) -> str:
    more = f" and {len(tables) - _NAMED} more" if len(tables) > _NAMED else ""
    return ", ".join(repr(table[:100]) for table in sorted(tables)[:_NAMED]) + more
