"""A dump's bytes on our own side until all of them are proven: none of them is run before that."""

import errno
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import zstandard

from fleetsave.model.errors import RestoreError
from fleetsave.model.kinds import DumpFormat
from fleetsave.sources.postgres.restore_refusals import restore_refusal

_CHUNK_SIZE = 1 << 20
_LEVEL = 1


class Spool:
    """A file without a name, which ends with this process; text is kept compressed, an archive as it is.

    `size` in bytes and `sha256` are those of what was written. Errors are about `target`.
    """

    def __init__(self, folder: Path, dump_format: DumpFormat, target: str) -> None:
        self.size = 0
        self._target = target
        self._digest = hashlib.sha256()
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - `close` closes it
        self._is_compressed = dump_format is DumpFormat.PLAIN

    @property
    def sha256(self) -> str:
        """Return the SHA-256 hex of what was written."""
        return self._digest.hexdigest()

    def fill(self, chunks: Iterator[bytes], told: Callable[[int], None]) -> None:
        """Write everything; `told` hears how much that is so far. Raise RestoreError `scratch_full` if there is no room."""
        compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj() if self._is_compressed else None
        for chunk in chunks:
            self._digest.update(chunk)
            self.size += len(chunk)
            self._write(chunk if compressor is None else compressor.compress(chunk))
            told(self.size)
        if compressor is not None:
            self._write(compressor.flush())

    def chunks(self) -> Iterator[bytes]:
        """Yield all of it, from the beginning."""
        self._file.seek(0)
        if not self._is_compressed:
            while chunk := self._file.read(_CHUNK_SIZE):
                yield chunk
            return
        with zstandard.ZstdDecompressor().stream_reader(self._file, closefd=False) as reader:
            while chunk := reader.read(_CHUNK_SIZE):
                yield chunk

    def close(self) -> None:
        """Give the room back; closing twice is no error."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise self._full() from None

    def _full(self) -> RestoreError:
        cause = f"the function's own disk is full after {self.size} bytes of the backup"
        return restore_refusal(self._target, "scratch_full", cause)
