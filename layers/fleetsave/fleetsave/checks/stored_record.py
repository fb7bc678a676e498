"""Does a stored record agree with itself: its key with what it says of it, what was captured with what was uploaded?"""

import re
from collections.abc import Iterator

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Compression
from fleetsave.model.records import StoredRecord

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def is_sha256(text: str) -> bool:
    """Tell whether a text is a SHA-256 as records have it."""
    return _SHA256.fullmatch(text) is not None


def key_faults(record: StoredRecord) -> Iterator[str]:
    """Yield what contradicts the key, or the order of time."""
    try:
        key = BackupKey.parse(record.key)
    except InvalidInputError:
        yield "its key is not the key of a backup"
        return
    told = (record.server_id, record.kind, record.artifact, record.slot, record.compression)
    artifact_id = key.artifact_id
    if told != (artifact_id.server_id, artifact_id.kind, artifact_id.artifact, key.slot.text, key.compression):
        yield "server, kind, artifact, slot or compression is not that of its key"
    if record.finished_at < record.started_at:
        yield "it finished before it started"


def upload_faults(record: StoredRecord) -> Iterator[str]:
    """Yield where what was uploaded is not what was captured, or the parts are not the whole."""
    yield from _size_faults(record)
    yield from _part_faults(record)


def _size_faults(record: StoredRecord) -> Iterator[str]:
    report = record.capture
    if record.plain_size != report.size:
        yield f"{record.plain_size} bytes were stored of {report.size} captured"
    if record.plain_sha256 != report.sha256:
        yield "the sha256 stored is not the sha256 captured"
    if record.source_path != report.source_path:
        yield "the path captured is not the path asked for"
    if record.compression is Compression.NONE:
        if record.stored_size != record.plain_size:
            yield f"{record.stored_size} bytes stored uncompressed are not {record.plain_size}"
        if record.stored_sha256 not in (None, record.plain_sha256):
            yield "uncompressed bytes have another sha256 stored than plain"


def _part_faults(record: StoredRecord) -> Iterator[str]:
    parts = record.parts
    if not parts:
        yield "no parts are recorded"
        return
    if [part.number for part in parts] != list(range(1, len(parts) + 1)):
        yield "part numbers are not 1, 2, 3 ..."
    if any(part.size < 1 for part in parts) or sum(part.size for part in parts) != record.stored_size:
        yield f"the parts' sizes do not add up to {record.stored_size} bytes"
    ends = [part.plain_end for part in parts]
    if ends != sorted(ends) or ends[-1] != record.plain_size:
        yield f"the parts do not end at plain byte {record.plain_size}"
    if not all(is_sha256(part.sha256) for part in parts):
        yield "a part has no sha256"
