"""A copy that is made whole by SQLite on our side: for the few databases that cannot be frozen where they are."""

import hashlib
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fleetsave.model.errors import RemoteFileError
from fleetsave.model.records import CaptureReport
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.sources.sqlite.server_side.content import begin, fingerprint
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, connect
from fleetsave.sources.sqlite.server_side.snapshot import page_size_of
from fleetsave.transports.base import Transport

_CHUNK = 1 << 20
_SPARE = 16 << 20


class LocalCopy:
    """A folder of our own under `scratch`, in which a raw copy of a database becomes one whole file."""

    def __init__(self, scratch: Path, source_path: str, *, room: int) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(scratch).free
        if free < room + _SPARE:
            cause = f"a copy needs {room + _SPARE} bytes on our side, and {free} are free"
            raise refusal(source_path, "no_room_here", cause)
        self._folder = Path(tempfile.mkdtemp(prefix="capture-", dir=scratch))
        self._source_path = source_path
        self.path = self._folder / "database"

    def fetch(self, transport: Transport, path: str, suffix: str, length: int) -> str:
        """Copy the first `length` bytes of a file on the server beside the database; return their SHA-256 hex.

        Raise CaptureError, reason `changed`, if the file is gone or has become shorter.
        """
        digest = hashlib.sha256()
        try:
            self._copy(transport.read_file(path, offset=0, length=length), suffix, digest.update)
        except RemoteFileError as error:
            raise refusal(self._source_path, "changed", f"{path}: {error.cause}") from error
        return digest.hexdigest()

    def _copy(self, chunks: Iterator[bytes], suffix: str, update: Callable[[bytes], object]) -> None:
        with (self._folder / f"database{suffix}").open("wb") as file:
            for chunk in chunks:
                update(chunk)
                file.write(chunk)

    def discard(self, suffix: str) -> None:
        """Remove a file beside the database."""
        (self._folder / f"database{suffix}").unlink(missing_ok=True)

    def recover(self) -> int:
        """Let SQLite play the journal or the -wal into the database; return the frames of the -wal it accepted."""
        try:
            with closing(sqlite3.connect(f"file:{quote(str(self.path))}?mode=rw", uri=True, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous=OFF")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                _, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            raise refusal(self._source_path, "not_whole", f"SQLite cannot recover the copy: {error}") from error
        left = [file.name for file in self._folder.iterdir() if file != self.path and file.stat().st_size]
        if left:
            raise refusal(self._source_path, "not_whole", f"SQLite left {', '.join(left)} of the copy as it was")
        return max(0, int(frames))

    def fingerprint(self, checks: dict[str, str], seconds: float) -> dict[str, Any]:
        """Take the fingerprint of the recovered copy."""
        try:
            deadline = Deadline(seconds)
            with closing(connect(bytes(self.path), deadline, "?mode=ro&immutable=1")) as connection:
                begin(connection, deadline)
                return fingerprint(connection, checks)
        except RefusedError as error:
            raise refusal(self._source_path, error.reason, error.cause) from error
        except sqlite3.Error as error:
            raise refusal(self._source_path, "not_whole", f"SQLite cannot read the copy: {error}") from error

    def measure(self) -> dict[str, Any]:
        """Return snapshot id, size, pages and digest of the recovered copy, as they stand in the report."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            page_size = page_size_of(file.read(100))
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if not page_size or size % page_size:
            raise refusal(self._source_path, "not_whole", f"{size} bytes are no whole pages of {page_size}")
        whole = {"size": size, "page_size": page_size, "page_count": size // page_size, "sha256": digest}
        return {**whole, "sha256_origin": "collector", "snapshot_id": secrets.token_hex(16)}

    def remove(self) -> None:
        """Remove the folder; removing twice is no error."""
        if self._folder.exists():
            shutil.rmtree(self._folder)


class LocalCapture:
    """The port `Capture` over a recovered copy on our side; it does not outlive this process."""

    resumable = False

    def __init__(self, report: CaptureReport, copy: LocalCopy) -> None:
        self.report = report
        self._copy = copy

    def read(self, offset: int) -> Iterator[bytes]:
        """Stream the copy from `offset`."""
        with self._copy.path.open("rb") as file:
            file.seek(offset)
            while chunk := file.read(_CHUNK):
                yield chunk

    def release(self) -> None:
        """Remove the copy."""
        self._copy.remove()
