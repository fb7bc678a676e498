"""All that is asked of one backup, in the order in which an answer makes the next question worth asking."""

import sqlite3
from pathlib import Path

from fleetsave.checks import capture_report, checksum, fingerprint, sqlite_header, sqlite_restore
from fleetsave.checks.checksum import ReadBack
from fleetsave.checks.sqlite_database import open_restored
from fleetsave.model.errors import VerificationError
from fleetsave.model.kinds import Kind
from fleetsave.model.records import Finding, Level, Outcome, StoredRecord


def prove(record: StoredRecord, read: ReadBack, plain: Path, *, seconds: float) -> list[Finding]:
    """Return every finding on a backup whose plain bytes are the file `plain`; a failure ends the questions.

    `seconds` is what the checks inside the database may take. Raise VerificationError if they take longer, or if there are
    no checks for this kind.
    """
    if record.kind != Kind.DATABASE:
        raise VerificationError("verify", record.key, f"nothing here can restore kind {record.kind!r}", "Use a newer fleetsave.")
    findings = [*checksum.check(record, read), *capture_report.check(record), *_header(record, plain)]
    return findings if has_failed(findings) else findings + _restored(record, plain, seconds)


def has_failed(findings: list[Finding]) -> bool:
    """Tell whether one of the checks failed."""
    return any(finding.outcome is Outcome.FAILED for finding in findings)


def _header(record: StoredRecord, plain: Path) -> list[Finding]:
    with plain.open("rb") as file:
        header = file.read(sqlite_header.HEADER_SIZE)
    return sqlite_header.check(header, plain.stat().st_size, record.snapshot)


def _restored(record: StoredRecord, plain: Path, seconds: float) -> list[Finding]:
    try:
        with open_restored(plain, seconds=seconds) as database:
            findings = sqlite_restore.check(database)
            return findings if has_failed(findings) else findings + fingerprint.check(record.capture.fingerprint, database)
    except sqlite3.Error as error:
        return [Finding("integrity", Outcome.FAILED, f"SQLite cannot open it: {error}", Level.RESTORED)]
