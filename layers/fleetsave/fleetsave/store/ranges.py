"""A range of a backup's plain bytes, read from the part that holds its beginning: parts are whole zstd frames."""

from collections.abc import Generator, Iterator
from contextlib import closing

from fleetsave.model.errors import StoreError
from fleetsave.model.records import StoredRecord
from fleetsave.store.base import ObjectStore
from fleetsave.store.decompress import plain_chunks


def plain_range(store: ObjectStore, record: StoredRecord, begin: int, end: int) -> Iterator[bytes]:
    """Yield the plain bytes from `begin` up to, not including, `end`, in chunks of at most 1 MiB.

    Nothing before the part that holds `begin` is read, and little after `end`. Raise DamagedStreamError for bytes that do not
    unpack, StoreError for a range that is not there.
    """
    if not 0 <= begin <= end <= record.plain_size:
        raise StoreError(
            "read range", record.key, f"bytes {begin} to {end} are not within its {record.plain_size}", "Report this."
        )
    if begin == end:
        return
    stored_at, position = _part_of(record, begin)
    with closing(_chunks(store, record, stored_at)) as chunks:
        for chunk in chunks:
            piece = chunk[max(0, begin - position) : end - position]
            position += len(chunk)
            if piece:
                yield piece
            if position >= end:
                return
    raise StoreError("read range", record.key, f"its plain bytes end at {position}", "The object is damaged; verify it again.")


def _part_of(record: StoredRecord, begin: int) -> tuple[int, int]:
    """Return where the part that holds a plain byte begins, in the stored and in the plain bytes."""
    stored_at = plain_at = 0
    for part in record.parts:
        if part.plain_end > begin:
            break
        stored_at, plain_at = stored_at + part.size, part.plain_end
    return stored_at, plain_at


def _chunks(store: ObjectStore, record: StoredRecord, stored_at: int) -> Generator[bytes]:
    # A generator, so that whoever stops early lets go of the connection.
    yield from plain_chunks(store.read(record.key, offset=stored_at), record.compression, target=record.key)
