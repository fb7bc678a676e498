"""A frozen snapshot: copied inside SQLite, in one read transaction, into a file of its own."""

import hashlib
import os
import platform
import sqlite3
import time
from typing import Any

from fleetsave.sources.sqlite.server_side.content import begin, fingerprint, sha256_of
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request, Source, connect
from fleetsave.sources.sqlite.server_side.staging import Staging

STEP_PAGES = 2048
JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"


def take_snapshot(request: Request, source: Source, deadline: Deadline) -> "dict[str, Any]":
    """Freeze the database as `<staging>/<name>.db` and return the report; what is there already is not taken again."""
    staging, name = Staging(request.staging, make=True), request.name
    with staging.held(deadline):
        existing = staging.find(name)
        if existing is not None and existing["source_path"] == request.path:
            return existing
        staging.drop(name)
        return _freeze(request, source, staging, deadline)


def _freeze(request: Request, source: Source, staging: Staging, deadline: Deadline) -> "dict[str, Any]":
    name, started = request.name, time.monotonic()
    staging.require_room(source.status.st_size + (source.size_of(b"-wal") or 0))
    try:
        report = dict(describe(source), snapshot_id=os.urandom(16).hex(), path=os.fsdecode(staging.file(name, ".db")))
        report["source_path"] = request.path
        report.update(_copy(request, source, staging.file(name, ".partial"), deadline))
        report.update(_measure(staging.file(name, ".partial"), deadline))
        report["seconds"] = round(time.monotonic() - started, 6)
        staging.publish(name, report)
    finally:
        staging.discard(name, ".partial")
    return report


def describe(source: Source) -> "dict[str, Any]":
    """Return what is known of the source and of this interpreter before SQLite opens anything."""
    return {
        "journal_mode": "wal" if source.is_wal else "rollback",
        "source_size": source.status.st_size,
        "source_mtime": source.status.st_mtime,
        "sqlite_version": sqlite3.sqlite_version,
        "runtime": "python " + platform.python_version(),
        "notes": [],
    }


def _copy(request: Request, source: Source, target: bytes, deadline: Deadline) -> "dict[str, Any]":
    immutable = source.must_be_read_as_immutable
    before = source.state() if immutable else None
    connection = connect(source.path, deadline, "?mode=ro&immutable=1" if immutable else "?mode=ro")
    try:
        report = _copy_in_transaction(request, source, connection, target, deadline)
    finally:
        connection.close()
    deadline.widen()  # no lock is held any more
    if immutable:
        if source.state() != before or before[-2:] != [None, None]:
            raise RefusedError("changed", "it was opened for writing while it was read without a lock")
        report["notes"] = ["read as immutable: nobody had it open, and it did not change meanwhile"]
    return report


def _copy_in_transaction(
    request: Request, source: Source, connection: sqlite3.Connection, target: bytes, deadline: Deadline
) -> "dict[str, Any]":
    begin(connection, deadline)
    locked = time.monotonic()
    if not source.is_wal:
        deadline.narrow(request.lock_limit, "lock_limit")
    checks = request.checks
    if hasattr(connection, "backup"):
        taken = fingerprint(connection, checks) if checks is not None else None
        _back_up(connection, target, deadline)
        connection.execute("ROLLBACK")
        held = time.monotonic() - locked
        notes = []  # type: list[str]
    else:
        connection.execute("ROLLBACK")
        taken = _vacuum_into(connection, target, deadline, checks)
        held = time.monotonic() - locked
        notes = ["fingerprint taken from the frozen file, which is what VACUUM INTO's own transaction saw"]
    return {
        "method": "backup" if hasattr(connection, "backup") else "vacuum_into",
        "fingerprint": taken,
        "lock_seconds": round(held, 6),
        "writer_stall_seconds": 0.0 if source.is_wal else round(held, 6),
        "notes": notes if checks is not None else [],
    }


def _back_up(connection: sqlite3.Connection, target: bytes, deadline: Deadline) -> None:
    """Copy all pages as they are. The open transaction keeps the view: no commit makes the copy begin anew.

    Steps let the deadline in, which is looked at after each.
    """
    copy = connect(target, deadline, "")
    try:
        copy.execute("PRAGMA journal_mode=OFF")
        copy.execute("PRAGMA synchronous=OFF")
        connection.backup(copy, pages=STEP_PAGES, progress=deadline.check)
    finally:
        copy.close()


def _vacuum_into(
    connection: sqlite3.Connection, target: bytes, deadline: Deadline, checks: "dict[str, str] | None"
) -> "dict[str, Any] | None":
    if sqlite3.sqlite_version_info < (3, 27):
        cause = f"python {platform.python_version()} has no backup, and SQLite {sqlite3.sqlite_version} no VACUUM INTO"
        raise RefusedError("no_snapshot_method", cause)
    connection.execute("VACUUM INTO ?", (target.decode("utf-8", "surrogateescape"),))
    if checks is None:
        return None
    copy = connect(target, deadline, "?mode=ro&immutable=1")
    try:
        begin(copy, deadline)
        return fingerprint(copy, checks)
    finally:
        copy.close()


def _measure(path: bytes, deadline: Deadline) -> "dict[str, Any]":
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        page_size = page_size_of(file.read(100))
        digest = sha256_of(file.fileno(), size, deadline)
    return {"size": size, "page_size": page_size, "page_count": size // page_size, "sha256": digest}


def page_size_of(header: bytes) -> int:
    """Return the page size a database's first bytes tell; 1 stands for 65536."""
    size = int.from_bytes(header[16:18], "big")
    return 65536 if size == 1 else size


def look_at_pair(source: Source) -> "dict[str, Any]":
    """Describe a database and the journal of a transaction that was cut off, so that a copy of both can be judged.

    `super_journal` tells whether other databases took part, whose journals the copy would need too.
    """
    files = {}
    for what, suffix in (("database", b""), ("journal", b"-journal")):
        with open(source.path + suffix, "rb") as file:
            content = hashlib.sha256()
            ending = b""
            for block in iter(lambda: file.read(1 << 20), b""):
                content.update(block)
                ending = (ending + block)[-8:]
            status = os.fstat(file.fileno())
        files[what] = {"size": status.st_size, "mtime": status.st_mtime_ns, "sha256": content.hexdigest()}
    return dict(describe(source), files=files, path=os.fsdecode(source.path), super_journal=ending == JOURNAL_MAGIC)
