"""A dump's text read beside its way into the store: as it is, or made from an archive by pg_restore."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import replace

from fleetsave.model.dumps import DumpText
from fleetsave.model.kinds import DumpFormat
from fleetsave.postgres.dump_text import DumpTextReader
from fleetsave.postgres.programs import Programs
from fleetsave.postgres.restoring import archive_text

_CHUNKS_AHEAD = 4
"""Chunks of 1 MiB that may wait for pg_restore, so that reading and uploading do not stop for each other."""


class DumpReading:
    """Reads what pg_dump writes; `text` is what it holds, once everything has been fed and `finish` was called.

    `size` in bytes is that of what was fed. `codec` is Python's name of the encoding of names.
    """

    def __init__(self, programs: Programs, dump_format: DumpFormat, restrict_key: str, codec: str) -> None:
        is_archive = dump_format is DumpFormat.CUSTOM
        self._reader = DumpTextReader(codec, hash_whole=is_archive)
        self._archive = _Archive(programs, restrict_key, self._reader) if is_archive else None
        self.size = 0

    @property
    def is_complete(self) -> bool:
        """Tell whether the text has come to its end."""
        return self._reader.is_complete

    def text(self, sha256: str) -> DumpText:
        """Return what the text holds, given the SHA-256 hex of what was fed."""
        text = self._reader.result()
        return text if self._archive is not None else replace(text, sha256=sha256)

    @property
    def rows(self) -> dict[str, int]:
        """Return the rows that the text holds of each table."""
        return {name: block.rows for name, block in self._reader.result().blocks.items()}

    def feed(self, chunk: bytes) -> None:
        """Read on. Raise VerificationError if pg_restore cannot read the archive."""
        self.size += len(chunk)
        if self._archive is None:
            self._reader.feed(chunk)
        else:
            self._archive.feed(chunk)

    def finish(self) -> None:
        """Read to the end. Raise VerificationError as `feed` does."""
        if self._archive is not None:
            self._archive.finish()

    def abandon(self) -> None:
        """End whatever reads; doing it twice is no error."""
        if self._archive is not None:
            self._archive.abandon()


class _Archive:
    """An archive on its way through pg_restore, in a thread that reads the text it makes."""

    def __init__(self, programs: Programs, restrict_key: str, reader: DumpTextReader) -> None:
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_CHUNKS_AHEAD)
        self._failure: Exception | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(programs, restrict_key, reader), daemon=True)
        self._thread.start()

    def feed(self, chunk: bytes) -> None:
        self._put(chunk)

    def finish(self) -> None:
        self._put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def abandon(self) -> None:
        self._ended.set()
        self._thread.join(timeout=10)

    def _put(self, chunk: bytes | None) -> None:
        while True:
            if self._failure is not None:
                raise self._failure
            try:
                self._waiting.put(chunk, timeout=1)
            except queue.Full:
                continue
            return

    def _chunks(self) -> Iterator[bytes]:
        while not self._ended.is_set():
            try:
                chunk = self._waiting.get(timeout=0.5)
            except queue.Empty:
                continue
            if chunk is None:
                return
            yield chunk

    def _read(self, programs: Programs, restrict_key: str, reader: DumpTextReader) -> None:
        try:
            for chunk in archive_text(programs, self._chunks(), restrict_key):
                reader.feed(chunk)
        except Exception as error:  # noqa: BLE001 - it is raised where the archive is fed
            self._failure = error
