"""A database whose writer died in mid-transaction: its copy is recovered here, and the live file is left as it is.

The main file alone would look healthy and be wrong; rolling the journal back on the server would write to production.
"""

import time
from pathlib import Path
from typing import Any

from fleetsave.model.fleet import SqliteDatabase
from fleetsave.sources.sqlite.local_copy import LocalCapture, LocalCopy
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.sources.sqlite.remote_python import RemotePython, capture_request
from fleetsave.sources.sqlite.replies import JournalPair
from fleetsave.transports.base import Transport

METHOD = "recovered_hot_journal"


def capture(
    transport: Transport, python: RemotePython, database: SqliteDatabase, source_path: str, scratch: Path
) -> LocalCapture:
    """Copy database and journal, make sure that neither changed meanwhile, and roll the copy back.

    Raise CaptureError if they changed, if other databases took part in the transaction, or if there is no room here.
    """
    started = time.monotonic()
    request = capture_request(database, source_path)
    before = python.require(JournalPair, python.call("pair", **request))
    if before["super_journal"]:
        raise refusal(source_path, "hot_journal", "the transaction that was cut off spans several attached databases")
    files = before["files"]
    copy = LocalCopy(scratch, source_path, room=files["database"]["size"] * 2 + files["journal"]["size"])
    try:
        digests = {
            what: copy.fetch(transport, before["path"] + suffix, suffix, files[what]["size"])
            for what, suffix in (("database", ""), ("journal", "-journal"))
        }
        after = python.require(JournalPair, python.call("pair", **request))
        _require_unchanged(source_path, files, after["files"], digests)
        copy.recover()
        report = _report(copy, request, before, seconds=time.monotonic() - started)
        return LocalCapture(python.report(report, source_path=source_path), copy)
    except BaseException:
        copy.remove()
        raise


def _require_unchanged(source_path: str, before: dict[str, Any], after: dict[str, Any], copied: dict[str, str]) -> None:
    if after != before or any(copied[what] != before[what]["sha256"] for what in copied):
        raise refusal(source_path, "changed", "somebody wrote the database or its journal while they were copied")


def _report(copy: LocalCopy, request: dict[str, Any], described: dict[str, Any], *, seconds: float) -> dict[str, Any]:
    checks = request["checks"]
    return {
        **described,
        **copy.measure(),
        "method": METHOD,
        "fingerprint": None if checks is None else copy.fingerprint(checks, request["deadline"]),
        "seconds": round(seconds, 6),
        "lock_seconds": 0.0,
        "writer_stall_seconds": 0.0,
        "notes": ["the game died in mid-transaction; its journal was rolled back in our copy, where the fingerprint was taken"],
    }
