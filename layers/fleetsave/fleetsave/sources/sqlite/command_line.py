"""A server without Python: snapshots by its `sqlite3` program's VACUUM INTO, one transaction and one step.

Never by its `.backup`, which begins anew at every commit and never ends beside a busy writer.
"""

import re
import secrets
import sqlite3
import time
from datetime import timedelta
from typing import Any

from fleetsave.model.errors import CaptureError, RemoteFileError
from fleetsave.model.fleet import SqliteDatabase
from fleetsave.model.records import Value
from fleetsave.sources.sqlite.posix_staging import PosixStaging
from fleetsave.sources.sqlite.quoting import parse_row, sql_text, uri
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.sources.sqlite.server_side.content import count_of, is_virtual, schema_sha256
from fleetsave.sources.sqlite.server_side.ground import explain
from fleetsave.sources.sqlite.server_side.snapshot import page_size_of
from fleetsave.sources.sqlite.shell import Shell, complaint, sqlite3_words
from fleetsave.transports.base import CommandResult

METHOD = "cli_vacuum_into"
_OLDEST = (3, 27)
_ENDED_BY_TIMEOUT = 124
_SLACK_SECONDS = 30.0
_DIGESTS = (("sha256sum", "--"), ("openssl", "dgst", "-sha256", "-r"), ("shasum", "-a", "256"))
_TABLES_A_CALL = 50


def version_of(shell: Shell) -> str | None:
    """Return the version of the server's `sqlite3`, e.g. `3.40.1`; None where there is none that has VACUUM INTO."""
    result = shell.run(["sqlite3", "--version"])
    match = re.match(rb"(\d+)\.(\d+)\.\d+", result.output)
    if result.status or match is None or (int(match[1]), int(match[2])) < _OLDEST:
        return None
    return match[0].decode()


def take_snapshot(
    shell: Shell, staging: PosixStaging, database: SqliteDatabase, source_path: str, name: str, *, version: str
) -> dict[str, Any]:
    """Freeze the database under `name` and return the report, with the path to read it from. Raise CaptureError."""
    existing = staging.find(name)
    if existing is not None and existing["source_path"] == source_path:
        return existing
    staging.drop(name)
    started = time.monotonic()
    partial = staging.file(name, ".partial")
    report = _describe(shell, source_path)
    is_wal = report["journal_mode"] == "wal"
    staging.require_room(report["source_size"] + _size_of(shell, f"{source_path}-wal"))
    try:
        held = _vacuum(shell, database, source_path, partial, is_wal=is_wal)
        report |= _measure(shell, partial)
        report |= {
            "snapshot_id": secrets.token_hex(16),
            "method": METHOD,
            "path": staging.file(name, ".db"),
            "fingerprint": _fingerprint(shell, partial, database.checks) if database.fingerprint else None,
            "lock_seconds": held,
            "writer_stall_seconds": 0.0 if is_wal else held,
            "seconds": round(time.monotonic() - started, 6),
            "sqlite_version": version,
            "runtime": f"sqlite3 {version}",
            "notes": ["fingerprint taken from the frozen file, which is what VACUUM INTO's own transaction saw"],
        }
        staging.publish(name, report)
    except BaseException:
        staging.drop(name)
        raise
    return report


def _describe(shell: Shell, source_path: str) -> dict[str, Any]:
    try:
        file = shell.transport.stat(source_path)
        header = b"".join(shell.transport.read_file(source_path, offset=0, length=min(100, file.size)))
    except RemoteFileError as error:
        cause = error.cause.lower()
        reason = next((reason for words, reason in _FILE_REASONS.items() if words in cause), "io_error")
        raise refusal(source_path, reason, error.cause) from error
    if not file.size:
        raise refusal(source_path, "empty", "it is 0 bytes long")
    if not header.startswith(b"SQLite format 3\0"):
        raise refusal(source_path, "not_a_database", "it does not begin as an SQLite database does")
    return {
        "journal_mode": "wal" if header[18:20] == b"\2\2" else "rollback",
        "source_path": source_path,
        "source_size": file.size,
        "source_mtime": file.modified,
    }


_FILE_REASONS = {"no such file": "missing", "not a directory": "missing", "permission": "no_permission", "regular": "not_a_file"}
"""What SFTP servers say, and the reason it is."""


def _size_of(shell: Shell, path: str) -> int:
    try:
        return shell.transport.stat(path).size
    except RemoteFileError:
        return 0


def _vacuum(shell: Shell, database: SqliteDatabase, source_path: str, target: str, *, is_wal: bool) -> float:
    """Write the snapshot and return how long the source was read, which is how long it was locked."""
    limit = database.deadline if is_wal else min(database.deadline, database.lock_limit)
    seconds = limit / timedelta(seconds=1)
    wait = int(limit / timedelta(milliseconds=1)) - 500  # so that it is SQLite that says what it waited for
    words = ["timeout", f"{seconds:g}", *sqlite3_words(f".timeout {max(0, wait)}"), uri(source_path, "?mode=ro")]
    started = time.monotonic()
    result = shell.run([*words, f"VACUUM INTO {sql_text(target)}"], seconds=seconds + _SLACK_SECONDS)
    held = round(time.monotonic() - started, 6)
    if result.status == _ENDED_BY_TIMEOUT:
        reason = "deadline" if limit == database.deadline else "lock_limit"
        raise refusal(source_path, reason, f"it took longer than {seconds:g} s")
    if result.status:
        raise _explained(shell, result, source_path, is_wal=is_wal)
    shell.do(["chmod", "600", "--", target])
    if not _text(shell, target, "SELECT 1 FROM sqlite_master WHERE type = 'table' LIMIT 1"):
        raise refusal(source_path, "empty", "it has no tables")
    return held


def _explained(shell: Shell, result: CommandResult, source_path: str, *, is_wal: bool) -> CaptureError:
    said = complaint(result)
    reason = explain(sqlite3.OperationalError(said), None).reason
    if reason == "locked" and is_wal:
        reason = "exclusive_lock"
    if reason == "no_permission":
        reason = "hot_journal" if _size_of(shell, f"{source_path}-journal") else "read_only_folder" if is_wal else reason
    return refusal(source_path, reason, said)


def _measure(shell: Shell, path: str) -> dict[str, Any]:
    size = shell.transport.stat(path).size
    page_size = page_size_of(b"".join(shell.transport.read_file(path, offset=0, length=100)))
    return {"size": size, "page_size": page_size, "page_count": size // page_size, "sha256": _sha256(shell, path)}


def _sha256(shell: Shell, path: str) -> str:
    for command in _DIGESTS:
        result = shell.run([*command, path], seconds=600)
        match = re.match(rb"\\?([0-9a-f]{64})\b", result.output)
        if match and not result.status:
            return match[1].decode()
    raise refusal(shell.target, "no_tools", "it has none of sha256sum, openssl and shasum")


def _fingerprint(shell: Shell, path: str, checks: dict[str, str]) -> dict[str, Any]:
    """Take the fingerprint as the on-server script does; names travel as hex, so that none can break a line."""
    columns = "||' '||".join(f"hex({column})" for column in ("type", "name", "tbl_name", "coalesce(sql, '')"))
    lines = _text(shell, path, f"SELECT {columns} FROM sqlite_master").splitlines()  # noqa: S608 - no outside text
    rows = [[bytes.fromhex(word).decode("utf-8", "replace") for word in line.split(" ")] for line in lines]
    schema = [(kind, name, table, sql) for kind, name, table, sql in rows if not name.lower().startswith("sqlite_")]
    tables = [name for kind, name, _, sql in schema if kind == "table" and not is_virtual(sql)]
    counts: list[int] = []
    for first in range(0, len(tables), _TABLES_A_CALL):
        statements = "; ".join(count_of(table) for table in tables[first : first + _TABLES_A_CALL])
        counts += map(int, _text(shell, path, statements).split())
    return {
        "row_counts": dict(zip(tables, counts, strict=True)),
        "schema_sha256": schema_sha256(schema),
        "checks": {name: _ask(shell, path, name, sql) for name, sql in sorted(checks.items())},
        "check_sql": checks,
    }


def _ask(shell: Shell, path: str, name: str, sql: str) -> list[Value]:
    result = shell.query(path, sql, mode="quote")
    try:
        if not result.status:
            return parse_row(result.output.decode("utf-8", "replace"))
        problem = complaint(result)
    except ValueError as error:
        problem = str(error)
    raise refusal(shell.target, "bad_check", f"check {name!r}: {problem}"[:500])


def _text(shell: Shell, path: str, sql: str) -> str:
    result = shell.query(path, sql)
    if result.status:
        raise refusal(shell.target, "not_whole", complaint(result))
    return result.output.decode("utf-8", "replace")
