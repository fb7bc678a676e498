"""Is the object beside a dump there, and is it the one that was written?"""

import hashlib

from fleetsave.model.dumps import GlobalsReport
from fleetsave.model.records import Finding, Level, Outcome


def check(report: GlobalsReport, content: bytes | None) -> list[Finding]:
    """Compare size and SHA-256 of what was read with the record; `content` is None if there is no such object."""
    fault = _fault(report, content)
    if fault is not None:
        return [Finding("globals", Outcome.FAILED, fault, Level.CHECKSUM)]
    return [Finding("globals", Outcome.PASSED, f"{report.size} bytes at {report.key}, sha256 equal", Level.CHECKSUM)]


def _fault(report: GlobalsReport, content: bytes | None) -> str | None:
    if content is None:
        return f"there is no object at {report.key}"
    if len(content) != report.size:
        more = "at least " if len(content) > report.size else ""
        return f"{more}{len(content)} bytes are stored at {report.key}, {report.size} were written"
    found = hashlib.sha256(content).hexdigest()
    if found != report.sha256:
        return f"sha256 of {report.key} is {found}, {report.sha256} was written"
    return None
