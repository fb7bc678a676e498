"""One pass over a stored object: its bytes hashed as stored and as unpacked, and written to a file."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from fleetsave.checks.checksum import ReadBack
from fleetsave.model.records import StoredRecord
from fleetsave.store.base import ObjectStore
from fleetsave.store.decompress import DamagedStreamError, plain_chunks


def read_back(store: ObjectStore, record: StoredRecord, destination: Path) -> ReadBack:
    """Read the object of `record` once; `destination` gets the plain bytes, never more than were captured.

    Raise ObjectNotFoundError if it is gone, StoreError if it cannot be read. Bytes that do not unpack are no error: they
    are what the answer tells.
    """
    stored = _StoredBytes(store.read(record.key), record)
    plain = hashlib.sha256()
    size = 0
    problem = None
    with destination.open("wb") as file:
        try:
            for chunk in plain_chunks(stored, record.compression, target=record.key):
                if size + len(chunk) > record.plain_size:
                    problem = "it unpacks to more bytes than were captured"
                    break
                plain.update(chunk)
                size += file.write(chunk)
        except DamagedStreamError as error:
            problem = f"it does not unpack: {error.cause}"
    stored.read_rest()
    return ReadBack(stored.size, stored.sha256, stored.part_sha256, size, plain.hexdigest(), problem)


class _StoredBytes:
    """The stored bytes, hashed whole and part by part while they pass; ends early if there are more than were uploaded."""

    def __init__(self, chunks: Iterator[bytes], record: StoredRecord) -> None:
        self._chunks = chunks
        self._limit = record.stored_size
        self._part_sizes = [part.size for part in record.parts]
        self._whole = hashlib.sha256()
        self._part = hashlib.sha256()
        self._part_filled = 0
        self.size = 0
        self.part_sha256: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self.size > self._limit:
            raise StopIteration
        chunk = next(self._chunks)
        self.size += len(chunk)
        self._whole.update(chunk)
        self._update_parts(memoryview(chunk))
        return chunk

    @property
    def sha256(self) -> str:
        """Return the digest of all bytes so far."""
        return self._whole.hexdigest()

    def read_rest(self) -> None:
        """Read to the end, so that the digests are whole, and close the last part if it is cut short."""
        for _ in self:
            pass
        if self._part_filled:
            self._end_part()

    def _update_parts(self, left: memoryview) -> None:
        while left and len(self.part_sha256) < len(self._part_sizes):
            wanted = self._part_sizes[len(self.part_sha256)] - self._part_filled
            taken = left[:wanted]
            self._part.update(taken)
            self._part_filled += len(taken)
            left = left[wanted:]
            if len(taken) == wanted:
                self._end_part()

    def _end_part(self) -> None:
        self.part_sha256.append(self._part.hexdigest())
        self._part = hashlib.sha256()
        self._part_filled = 0
