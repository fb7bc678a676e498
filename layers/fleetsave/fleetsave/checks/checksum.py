"""Are the bytes that the store gives back those that the source hashed? Never asked of an ETag, always of the bytes."""

from dataclasses import dataclass

from fleetsave.model.records import Finding, Level, Outcome, StoredRecord

_NAMED_PARTS = 5


@dataclass(frozen=True)
class ReadBack:
    """What one full read of a stored object came to.

    Digests are SHA-256 hex, sizes bytes; `part_sha256` cuts the stored bytes at the recorded part sizes. `problem` says
    why unpacking ended early; then the plain digest and size are those of the bytes that came before.
    """

    stored_size: int
    stored_sha256: str
    part_sha256: list[str]
    plain_size: int
    plain_sha256: str
    problem: str | None = None


def check(record: StoredRecord, read: ReadBack) -> list[Finding]:
    """Compare the stored bytes with their record, and the plain bytes with the source's digest."""
    return [_finding("stored_bytes", _stored_fault(record, read), _stored_evidence(record, read)), _plain(record, read)]


def _plain(record: StoredRecord, read: ReadBack) -> Finding:
    fault = None
    if read.problem is not None:
        fault = f"{read.problem}, after {read.plain_size} of {record.plain_size} bytes"
    elif read.plain_size != record.plain_size:
        fault = f"{read.plain_size} bytes unpacked, {record.plain_size} were captured"
    elif read.plain_sha256 != record.plain_sha256:
        fault = f"sha256 of the bytes read back is {read.plain_sha256}, the source's was {record.plain_sha256}"
    return _finding("checksum", fault, f"sha256 {read.plain_sha256} of {read.plain_size} bytes read back equals the source's")


def _stored_fault(record: StoredRecord, read: ReadBack) -> str | None:
    if read.stored_size != record.stored_size:
        return f"{_at_least(record, read)}{read.stored_size} bytes are stored, {record.stored_size} were uploaded"
    expected = [part.sha256 for part in record.parts]
    pairs = zip(record.parts, read.part_sha256, strict=False)
    damaged = [str(part.number) for part, sha256 in pairs if part.sha256 != sha256]
    if damaged:
        more = f" and {len(damaged) - _NAMED_PARTS} more" if len(damaged) > _NAMED_PARTS else ""
        return f"damaged parts: {', '.join(damaged[:_NAMED_PARTS])}{more} of {len(expected)}"
    if len(read.part_sha256) != len(expected):
        return f"{len(expected)} parts are recorded, the object has bytes for {len(read.part_sha256)}"
    if record.stored_sha256 not in (None, read.stored_sha256):
        return f"sha256 of the stored bytes is {read.stored_sha256}, {record.stored_sha256} were uploaded"
    return None


def _at_least(record: StoredRecord, read: ReadBack) -> str:
    return "at least " if read.stored_size > record.stored_size else ""


def _stored_evidence(record: StoredRecord, read: ReadBack) -> str:
    whole = "" if record.stored_sha256 is None else f", whole sha256 {read.stored_sha256}"
    return f"{read.stored_size} bytes in {len(record.parts)} parts, every part's sha256 equal{whole}"


def _finding(check_name: str, fault: str | None, evidence: str) -> Finding:
    if fault is None:
        return Finding(check_name, Outcome.PASSED, evidence, Level.CHECKSUM)
    return Finding(check_name, Outcome.FAILED, fault, Level.CHECKSUM)
