"""The way that needs no room on the server: a read transaction is held there while its files are read as they are."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from fleetsave.model.errors import RemoteFileError, TransportError
from fleetsave.model.fleet import SqliteDatabase
from fleetsave.model.records import CaptureReport
from fleetsave.sources.sqlite.local_copy import LocalCapture, LocalCopy
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.sources.sqlite.remote_python import RemotePython, capture_request
from fleetsave.sources.sqlite.replies import HeldToTheEnd, HeldView
from fleetsave.transports.base import Process, Transport

METHOD = "held_transaction"
_WAL_HEADER = 32
_FRAME_HEADER = 24
_REPLY_SECONDS = 30.0


class HeldCapture:
    """The port `Capture` over the live main file of a rollback-journal database, which no one can write meanwhile.

    The stream ends only after the server has said that the lock was held to its end.
    """

    resumable = False

    def __init__(self, transport: Transport, python: RemotePython, process: Process, report: CaptureReport, path: str) -> None:
        self.report = report
        self._transport = transport
        self._python = python
        self._process = process
        self._path = path

    def read(self, offset: int) -> Iterator[bytes]:
        """Stream the main file from `offset`; the lock ends with it, so it can be read once."""
        last = b""
        try:
            for chunk in self._transport.read_file(self._path, offset=offset, length=self.report.size - offset):
                if last:
                    yield last
                last = chunk
        except RemoteFileError as error:
            raise refusal(self.report.source_path, "changed", f"{self._path}: {error.cause}") from error
        seconds = _end(self._python, self._process)
        self.report = replace(self.report, seconds=seconds, lock_seconds=seconds, writer_stall_seconds=seconds)
        yield last

    def release(self) -> None:
        """Let go of the lock."""
        self._process.kill()


def capture(
    transport: Transport, python: RemotePython, database: SqliteDatabase, source_path: str, scratch: Path, *, because: str
) -> HeldCapture | LocalCapture:
    """Hold a read transaction and capture what it sees.

    Under a rollback journal the main file is the snapshot, and writers wait until it is read: `lock_limit` bounds that.
    Under WAL nobody waits; main file and -wal are copied to `scratch` and made one there. `because` says why
    no snapshot was frozen. Raise CaptureError.
    """
    request = capture_request(database, source_path)
    process, reply = python.start("hold", **request)
    try:
        view = python.require(HeldView, reply)
        view["notes"] = [f"streamed under a held read transaction: {because}"]
        if view["journal_mode"] != "wal":
            report = python.report(_report(view), source_path=source_path, sha256_origin="source")
            return HeldCapture(transport, python, process, report, view["path"])
        return _copy_wal(transport, python, process, view, request, scratch)
    except BaseException:
        process.kill()
        raise


def _copy_wal(
    transport: Transport, python: RemotePython, process: Process, view: dict[str, Any], request: dict[str, Any], scratch: Path
) -> LocalCapture:
    source_path = request["path"]
    frames = view["wal_frames"]
    wal_size = (_WAL_HEADER + frames * (_FRAME_HEADER + view["page_size"])) if frames else 0
    copy = LocalCopy(scratch, source_path, room=view["size"] + 2 * wal_size)
    try:
        copy.fetch(transport, view["path"], "", view["size"])
        copied = _fetch_wal(transport, copy, view, wal_size)
        seconds = _end(python, process)
        _require_whole(copy, view, request, frames if copied else None)
        report = {**_report(view), **copy.measure(), "seconds": seconds, "lock_seconds": seconds}
        return LocalCapture(python.report(report, source_path=source_path), copy)
    except BaseException:
        copy.remove()
        raise


def _require_whole(copy: LocalCopy, view: dict[str, Any], request: dict[str, Any], frames: int | None) -> None:
    """Recover the copy, and compare it at once with what the server's transaction saw; `frames`: how many it must take."""
    recovered = copy.recover()
    if frames is not None and recovered != frames:
        raise refusal(request["path"], "not_whole", f"{recovered} of {frames} frames of the -wal could be recovered")
    if request["checks"] is not None and copy.fingerprint(request["checks"], request["deadline"]) != view["fingerprint"]:
        raise refusal(request["path"], "not_whole", "its fingerprint is not that of the transaction held on the server")


def _fetch_wal(transport: Transport, copy: LocalCopy, view: dict[str, Any], size: int) -> bool:
    """Copy the frames that the transaction sees; return whether they are needed.

    They cannot change, but the -wal may have been begun anew: only after all of them had reached the main file, and with
    other salts in its header.
    """
    if not size:
        return False
    wal = view["path"] + "-wal"
    begun = _salts(transport, wal)
    if begun == view["wal_salts"]:
        copy.fetch(transport, wal, "-wal", size)
        if _salts(transport, wal) == begun:
            return True
    copy.discard("-wal")
    return False


def _salts(transport: Transport, wal: str) -> str:
    header = b"".join(transport.read_file(wal, offset=0, length=_WAL_HEADER))
    return header[16:24].hex()


def _end(python: RemotePython, process: Process) -> float:
    """Let go of the transaction, and return how long it was held. Raise CaptureError if it was not held to this moment."""
    with suppress(TransportError):  # a holder that gave up has left its reason in its output
        process.write(b"end\n")
    reply = python.require(HeldToTheEnd, python.read_reply(process, timeout=_REPLY_SECONDS))
    process.wait(timeout=_REPLY_SECONDS)
    return float(reply["held_seconds"])


def _report(view: dict[str, Any]) -> dict[str, Any]:
    return {
        **view,
        "method": METHOD,
        "page_count": view["size"] // view["page_size"],
        "seconds": 0.0,
        "lock_seconds": 0.0,
        "writer_stall_seconds": 0.0,
    }
