"""What a database holds: its fingerprint inside one transaction, and the digest of a file."""

import hashlib
import os
import sqlite3
import time
from typing import Any

from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError

CHUNK = 1 << 20
POLL_SECONDS = 0.003


def begin(connection: sqlite3.Connection, deadline: Deadline) -> None:
    """Open the read transaction that everything else happens in. Raise RefusedError if there is no table."""
    if not begin_reading(connection, deadline):
        raise RefusedError("empty", "it has no tables")


def begin_reading(connection: sqlite3.Connection, deadline: Deadline) -> int:
    """Open a read transaction and return how many tables it sees."""
    connection.execute("BEGIN")
    ((tables,),) = ask_often(connection, deadline, "SELECT count(*) FROM sqlite_master WHERE type = 'table'")
    return int(tables)


def ask_often(connection: sqlite3.Connection, deadline: Deadline, sql: str) -> "list[Any]":
    """Run a statement as soon as its lock can be had, and return all its rows.

    Asked every few milliseconds, a lock is had in the short gaps that a busy writer leaves; SQLite's own waiting, which
    sleeps longer and longer, misses them for seconds.
    """
    connection.execute("PRAGMA busy_timeout=0")
    while True:
        try:
            rows = connection.execute(sql).fetchall()
            break
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or deadline.passed():
                raise
            time.sleep(POLL_SECONDS)
    connection.execute(f"PRAGMA busy_timeout={int(deadline.remaining() * 1000)}")
    return rows


def fingerprint(connection: sqlite3.Connection, checks: "dict[str, str]") -> "dict[str, object]":
    """Count the rows of every ordinary table, hash the schema, and ask the owner's questions, in the open transaction.

    Equal on two databases exactly if their tables, their schema, and the first row of each check are.
    """
    schema = schema_of(connection)
    counts = {}
    for kind, name, _, sql in schema:
        if kind == "table" and not is_virtual(sql):
            (counts[name],) = connection.execute(count_of(name)).fetchone()
    connection.execute("PRAGMA query_only=ON")
    answers = {name: _ask(connection, name, sql) for name, sql in sorted(checks.items())}
    connection.execute("PRAGMA query_only=OFF")
    return {"row_counts": counts, "schema_sha256": schema_sha256(schema), "checks": answers, "check_sql": checks}


def schema_of(connection: sqlite3.Connection) -> "list[tuple[str, str, str, str]]":
    """Return type, name, table name and SQL of everything but SQLite's own tables and indexes."""
    rows = connection.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master").fetchall()
    return [row for row in rows if not row[1].lower().startswith("sqlite_")]


def is_virtual(sql: str) -> bool:
    """Tell whether a table keeps its rows in other tables, which are counted themselves."""
    return sql.upper().startswith("CREATE VIRTUAL TABLE")


def count_of(table: str) -> str:
    """Return the SQL that counts a table's rows; not by an index, which may need a collation that only the game has."""
    quoted = table.replace('"', '""')
    return f'SELECT count(*) FROM "{quoted}" NOT INDEXED'  # noqa: S608 - a quoted name


def schema_sha256(schema: "list[tuple[str, str, str, str]]") -> str:
    """Hash the sorted schema: lines of type, name, table name and SQL, with tabs between."""
    return hashlib.sha256("\n".join(sorted("\t".join(row) for row in schema)).encode()).hexdigest()


def _ask(connection: sqlite3.Connection, name: str, sql: str) -> "list[object]":
    try:
        row = connection.execute(sql).fetchone() or ()
    except (sqlite3.Error, sqlite3.Warning) as error:
        if "interrupted" in str(error):
            raise
        raise RefusedError("bad_check", f"check {name!r}: {error}") from None
    for value in row:
        if isinstance(value, bytes) or (isinstance(value, float) and value - value != 0):
            raise RefusedError("bad_check", f"check {name!r}: it gives a blob or an infinite number; ask for hex() of it")
    return list(row)


def sha256_of(descriptor: int, size: int, deadline: Deadline) -> str:
    """Hash the first `size` bytes of an open file."""
    digest = hashlib.sha256()
    offset = 0
    while offset < size:
        deadline.check()
        block = os.pread(descriptor, min(CHUNK, size - offset), offset)
        if not block:
            raise RefusedError("changed", "it became shorter while it was read")
        digest.update(block)
        offset += len(block)
    return digest.hexdigest()
