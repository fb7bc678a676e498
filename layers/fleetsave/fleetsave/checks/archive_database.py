"""Is a database inside an archive the one that was captured, and does it work?"""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from fleetsave.archives.names import printable
from fleetsave.checks import fingerprint, sqlite_header, sqlite_restore
from fleetsave.checks.capture_report import report_faults
from fleetsave.checks.sqlite_database import open_restored
from fleetsave.model.archives import DATABASES
from fleetsave.model.manifests import Entry
from fleetsave.model.records import CaptureReport, Finding, Level, Outcome

_REPORT = TypeAdapter(CaptureReport)


def check(entry: Entry, restored: Path, *, seconds: float) -> list[Finding]:
    """Ask of a restored database all that is asked of one that is backed up by itself; each check is named after the member.

    Raise VerificationError if its checks take longer than `seconds`.
    """
    return [
        replace(finding, check=printable(f"{entry.path}: {finding.check}"), detail=printable(finding.detail))
        for finding in _findings(entry, restored, seconds)
    ]


def _findings(entry: Entry, restored: Path, seconds: float) -> list[Finding]:
    try:
        report = capture_of(entry)
        faults = list(_faults(entry, report))
    except ValidationError as error:
        where = ", ".join(sorted({".".join(map(str, problem["loc"]))[:50] for problem in error.errors(include_input=False)})[:5])
        return [Finding("capture_report", Outcome.FAILED, f"it is not complete: {where!r}", Level.COMPLETE)]
    if faults:
        return [Finding("capture_report", Outcome.FAILED, "; ".join(faults), Level.COMPLETE)]
    with restored.open("rb") as file:
        header = file.read(sqlite_header.HEADER_SIZE)
    findings = sqlite_header.check(header, entry.size, report)
    if _has_failed(findings):
        return findings
    try:
        with open_restored(restored, seconds=seconds) as database:
            findings += [_weighed(entry, finding) for finding in sqlite_restore.check(database)]
            return findings if _has_failed(findings) else findings + fingerprint.check(report.fingerprint, database)
    except sqlite3.Error as error:
        return [*findings, Finding("integrity", Outcome.FAILED, f"SQLite cannot open it: {error}", Level.RESTORED)]


def capture_of(entry: Entry) -> CaptureReport:
    """Read what the server said of its snapshot. Raise ValidationError if it is no report; a path may be no UTF-8."""
    told = {"sha256_origin": "source", **(entry.sqlite or {})}
    return _REPORT.validate_python({name: printable(value) if isinstance(value, str) else value for name, value in told.items()})


def _faults(entry: Entry, report: CaptureReport) -> Iterator[str]:
    yield from report_faults(report)
    if (report.size, report.sha256) != (entry.size, entry.sha256):
        yield f"{report.size} bytes, sha256 {report.sha256[:64]!r}, were captured; {entry.size}, {entry.sha256[:64]!r}, archived"


def _weighed(entry: Entry, finding: Finding) -> Finding:
    """Let rows that refer to no row speak against a database that the fleet file names, and be told of any other.

    They are the source's own, and every copy has them: for a database somebody's extension left in a folder, that must not cost
    the server its backup.
    """
    is_named = entry.path.startswith(f"{DATABASES}/")
    if finding.check == sqlite_restore.FOREIGN_KEYS and finding.outcome is Outcome.FAILED and not is_named:
        return replace(finding, outcome=Outcome.WARNING, level=None)
    return finding


def _has_failed(findings: list[Finding]) -> bool:
    return any(finding.outcome is Outcome.FAILED for finding in findings)
