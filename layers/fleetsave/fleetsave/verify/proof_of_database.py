"""All that is asked of a backup of a SQLite database, in the order in which an answer makes the next question worth asking."""

import sqlite3
from pathlib import Path

from fleetsave.checks import capture_report, checksum, fingerprint, sqlite_header, sqlite_restore
from fleetsave.checks.checksum import ReadBack
from fleetsave.checks.sqlite_database import open_restored
from fleetsave.model.records import Finding, Level, Outcome, StoredRecord
from fleetsave.verify.ports import Ports
from fleetsave.verify.read_back import Keep, read_back
from fleetsave.verify.scratch import require_room
from fleetsave.verify.verdict import has_failed


def prove(record: StoredRecord, folder: Path, ports: Ports) -> tuple[list[Finding], ReadBack]:
    """Restore the plain bytes into `folder`, and return every finding; a failure ends the questions.

    Raise VerificationError if they do not fit, or if the checks inside the database take longer than the time that is left.
    """
    require_room(folder, record.plain_size, record.key)
    plain = folder / "restored.db"
    read = read_back(ports.store, record, plain, keep=Keep.PLAIN)
    seconds = ports.seconds_left()
    findings = [*checksum.check(record, read), *capture_report.check(record), *_header(record, plain)]
    if not has_failed(findings):
        findings += _restored(record, plain, seconds)
    return findings, read


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
