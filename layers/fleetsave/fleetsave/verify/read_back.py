"""One pass over a stored object: its bytes hashed as stored and as unpacked, and either of them read on or written to a file."""

import hashlib
import os
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path
from typing import IO

from fleetsave.checks.checksum import ReadBack
from fleetsave.model.records import StoredRecord
from fleetsave.store.base import ObjectStore
from fleetsave.store.decompress import DamagedStreamError, plain_chunks


class Keep(Enum):
    """Which bytes of an object go into the file."""

    PLAIN = auto()
    STORED = auto()


def read_back(store: ObjectStore, record: StoredRecord, destination: Path, *, keep: Keep = Keep.PLAIN) -> ReadBack:
    """Read the object of `record` once; `destination` gets its bytes, never more plain ones than were captured.

    The file is ours alone. Raise ObjectNotFoundError if the object is gone, StoreError if it cannot be read. Bytes that do not
    unpack are no error: they are what the answer tells.
    """
    with open(destination, "wb", opener=_private) as file:
        reading = Reading(store, record, file if keep is Keep.STORED else None)
        if keep is Keep.PLAIN:
            for chunk in reading.chunks:
                file.write(chunk)
        return reading.finish()


class Reading:
    """One pass over the object of `record`, whose plain bytes somebody reads while all of them are hashed.

    `chunks` gives the plain bytes, never more than were captured, in chunks of at most 1 MiB; it ends early where they do not
    unpack, which is no error: `finish` tells. Both raise as `read_back` does.
    """

    def __init__(self, store: ObjectStore, record: StoredRecord, stored_file: IO[bytes] | None = None) -> None:
        self._record = record
        self._stored = _StoredBytes(store.read(record.key), record, stored_file)
        self._plain = hashlib.sha256()
        self._size = 0
        self._problem: str | None = None
        self.chunks = self._read()

    def finish(self) -> ReadBack:
        """Read what nobody has read, and return what the whole pass came to."""
        for _ in self.chunks:
            pass
        stored = self._stored
        stored.read_rest()
        return ReadBack(
            stored.size, stored.sha256, stored.part_sha256, self._size, self._plain.hexdigest(), self._problem
        )  # fmt: skip

    def _read(self) -> Iterator[bytes]:
        try:
            for chunk in plain_chunks(self._stored, self._record.compression, target=self._record.key):
                if self._size + len(chunk) > self._record.plain_size:
                    self._problem = "it unpacks to more bytes than were captured"
                    return
                self._plain.update(chunk)
                self._size += len(chunk)
                yield chunk
        except DamagedStreamError as error:
            self._problem = f"it does not unpack: {error.cause}"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class _StoredBytes:
    """The stored bytes, hashed whole and part by part while they pass; ends early if there are more than were uploaded.

    They are written to `file` on their way, if there is one.
    """

    def __init__(self, chunks: Iterator[bytes], record: StoredRecord, file: IO[bytes] | None) -> None:
        self._chunks = chunks
        self._file = file
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
        if self._file is not None:
            self._file.write(chunk)
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
