"""Does the restored file work as a database? Never asked of quick_check, which passes more than half of corrupt copies."""

import sqlite3
from collections import Counter
from collections.abc import Callable

from fleetsave.checks.sqlite_database import RestoredDatabase, is_lacking
from fleetsave.model.records import Finding, Level, Outcome

FOREIGN_KEYS = "foreign_keys"
"""The check whose failure is the source's own: SQLite enforces foreign keys only where a program asks for it."""

_MESSAGES = 5
_VIOLATIONS = 10_000
_TABLES = 1_000_000


def check(database: RestoredDatabase) -> list[Finding]:
    """Run integrity_check, look for tables, and run foreign_key_check unless the file is damaged."""
    integrity = guarded("integrity", Level.RESTORED, lambda: _integrity(database))
    if integrity.outcome is Outcome.FAILED:
        return [integrity]
    tables = guarded("tables", Level.RESTORED, lambda: _tables(database))
    return [integrity, tables, guarded(FOREIGN_KEYS, Level.RESTORED, lambda: _foreign_keys(database))]


def guarded(name: str, level: Level, ask: Callable[[], Finding]) -> Finding:
    """Ask, and make a finding of what SQLite refuses: suspect where our SQLite lacks something, else failed."""
    try:
        return ask()
    except sqlite3.Error as error:
        if is_lacking(error):
            return Finding(name, Outcome.SUSPECT, f"{error}: SQLite {sqlite3.sqlite_version} here cannot judge it", level)
        return Finding(name, Outcome.FAILED, f"SQLite: {error}", level)


def _integrity(database: RestoredDatabase) -> Finding:
    rows = database.query("PRAGMA integrity_check", limit=100)
    if rows == [("ok",)]:
        return Finding("integrity", Outcome.PASSED, f"integrity_check ok, SQLite {sqlite3.sqlite_version}", Level.RESTORED)
    messages = "; ".join(str(row[0])[:200] for row in rows[:_MESSAGES])
    more = f"; and {len(rows) - _MESSAGES} more" if len(rows) > _MESSAGES else ""
    return Finding("integrity", Outcome.FAILED, f"integrity_check: {messages}{more}", Level.RESTORED)


def _tables(database: RestoredDatabase) -> Finding:
    rows = database.query("SELECT name FROM sqlite_master WHERE type = 'table'", limit=_TABLES)
    count = sum(not str(name).lower().startswith("sqlite_") for (name,) in rows)
    if not count:
        return Finding("tables", Outcome.FAILED, "it holds not one table", Level.RESTORED)
    return Finding("tables", Outcome.PASSED, f"{count} tables", Level.RESTORED)


def _foreign_keys(database: RestoredDatabase) -> Finding:
    rows = database.query("PRAGMA foreign_key_check", limit=_VIOLATIONS)
    if not rows:
        return Finding(FOREIGN_KEYS, Outcome.PASSED, "no violation", Level.RESTORED)
    by_table = Counter(str(row[0]) for row in rows).most_common(_MESSAGES)
    tables = ", ".join(f"{count} in {table[:100]!r}" for table, count in by_table)
    more = "at least " if len(rows) == _VIOLATIONS else ""
    detail = (
        f"{more}{len(rows)} rows refer to rows that do not exist: {tables}; mend them on the server, see PRAGMA foreign_key_check"
    )
    return Finding(FOREIGN_KEYS, Outcome.FAILED, detail, Level.RESTORED)
