"""Do the file's first hundred bytes, its length and the capture report agree? (sqlite.org/fileformat2.html, 1.3)"""

from fleetsave.model.records import CaptureReport, Finding, Level, Outcome

HEADER_SIZE = 100
_MAGIC = b"SQLite format 3\0"


def check(header: bytes, length: int, report: CaptureReport) -> list[Finding]:
    """Compare `header`, the first HEADER_SIZE bytes of a file of `length` bytes, with the report of its capture."""
    fault = _fault(header, length, report)
    if fault is not None:
        return [Finding("sqlite_header", Outcome.FAILED, fault, Level.COMPLETE)]
    detail = f"{report.page_count} pages of {report.page_size} bytes are the file's {length} bytes, as captured"
    return [Finding("sqlite_header", Outcome.PASSED, detail, Level.COMPLETE)]


def _fault(header: bytes, length: int, report: CaptureReport) -> str | None:
    if len(header) < HEADER_SIZE or not header.startswith(_MAGIC):
        return "it does not begin as a SQLite database: encrypted, foreign or empty"
    page_size = _number(header, 16, 2)
    page_size = 65536 if page_size == 1 else page_size
    if page_size != report.page_size:
        return f"the header says pages of {page_size} bytes, the capture {report.page_size}"
    if length != report.page_size * report.page_count:
        return f"the file has {length} bytes, not {report.page_count} pages of {report.page_size} bytes"
    pages = _number(header, 28, 4)
    # The count in the header is valid only if it was written together with the newest change (bytes 24 and 92).
    if header[24:28] == header[92:96] and pages not in (0, report.page_count):
        return f"the header says {pages} pages, the capture {report.page_count}"
    return None


def _number(header: bytes, offset: int, size: int) -> int:
    return int.from_bytes(header[offset : offset + size], "big")
