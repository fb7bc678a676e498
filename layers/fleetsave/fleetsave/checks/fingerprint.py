"""Does the restored copy say of its content what the source said inside the capture's own transaction?"""

import hashlib
from math import isclose

from fleetsave.checks.sqlite_database import RestoredDatabase
from fleetsave.checks.sqlite_restore import guarded
from fleetsave.model.records import Finding, Fingerprint, Level, Outcome, Value

_NAMED = 5
_SCHEMA_ROWS = 1_000_000
_SUM_TOLERANCE = 1e-9
"""SQLite 3.43 began to sum floating point values with compensation, so two versions differ in the last digits."""


def check(fingerprint: Fingerprint | None, database: RestoredDatabase) -> list[Finding]:
    """Compare row counts, schema and the owner's SQL checks with those of the capture."""
    if fingerprint is None:
        return [Finding("fingerprint", Outcome.SKIPPED, "the capture took none, by the fleet file", Level.EQUAL_TO_SOURCE)]
    findings = [
        guarded("row_counts", Level.EQUAL_TO_SOURCE, lambda: _row_counts(fingerprint.row_counts, database)),
        guarded("schema", Level.EQUAL_TO_SOURCE, lambda: _schema(fingerprint.schema_sha256, database)),
    ]
    for name, expected in fingerprint.checks.items():
        findings.append(_owner_check(name, expected, fingerprint.check_sql.get(name), database))
    return findings


def row_counts(database: RestoredDatabase) -> dict[str, int]:
    """Count the rows of every table; virtual tables are left out, what they keep stands in tables of their own."""
    counts = {}
    for kind, name, _, sql in _schema_rows(database):
        if kind == "table" and not sql.upper().startswith("CREATE VIRTUAL TABLE"):
            quoted = name.replace('"', '""')
            # NOT INDEXED: an index may need a collation that only the game has.
            (count,) = database.query(f'SELECT count(*) FROM "{quoted}" NOT INDEXED', limit=1)[0]  # noqa: S608 - a quoted name
            counts[name] = int(count or 0)
    return counts


def schema_sha256(database: RestoredDatabase) -> str:
    """Hash the sorted schema: lines of type, name, table name and SQL, with tabs between."""
    lines = sorted("\t".join(row) for row in _schema_rows(database))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _schema_rows(database: RestoredDatabase) -> list[tuple[str, str, str, str]]:
    """Return type, name, table name and SQL of everything but SQLite's own tables and indexes."""
    rows = database.query("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master", limit=_SCHEMA_ROWS)
    texts = [(str(kind), str(name), str(table), str(sql)) for kind, name, table, sql in rows]
    return [row for row in texts if not row[1].lower().startswith("sqlite_")]


def _row_counts(expected: dict[str, int], database: RestoredDatabase) -> Finding:
    found = row_counts(database)
    differing = [
        f"{table[:100]!r} {expected.get(table, 'no table')} at the source, {found.get(table, 'no table')} restored"
        for table in sorted(expected.keys() | found.keys())
        if expected.get(table) != found.get(table)
    ]
    if differing:
        more = f"; and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        detail = "; ".join(differing[:_NAMED]) + more
        return Finding("row_counts", Outcome.FAILED, detail, Level.EQUAL_TO_SOURCE)
    detail = f"{sum(found.values())} rows in {len(found)} tables, as at the source"
    return Finding("row_counts", Outcome.PASSED, detail, Level.EQUAL_TO_SOURCE)


def _schema(expected: str, database: RestoredDatabase) -> Finding:
    found = schema_sha256(database)
    if found != expected:
        detail = f"schema sha256 {found}, at the source {expected}"
        return Finding("schema", Outcome.FAILED, detail, Level.EQUAL_TO_SOURCE)
    return Finding("schema", Outcome.PASSED, f"schema sha256 {found}, as at the source", Level.EQUAL_TO_SOURCE)


def _owner_check(name: str, expected: list[Value], sql: str | None, database: RestoredDatabase) -> Finding:
    check_name = f"owner:{name}"
    if sql is None:
        return Finding(check_name, Outcome.SKIPPED, "the record does not say its SQL", Level.APPLICATION)

    def ask() -> Finding:
        rows = database.query(sql, limit=1)
        found = list(rows[0]) if rows else []
        if len(expected) == len(found) and all(map(_is_same, expected, found)):
            return Finding(check_name, Outcome.PASSED, f"{found}, as at the source"[:500], Level.APPLICATION)
        return Finding(check_name, Outcome.FAILED, f"{found} restored, {expected} at the source"[:500], Level.APPLICATION)

    return guarded(check_name, Level.APPLICATION, ask)


def _is_same(expected: Value, found: Value | bytes) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return isclose(expected, found, rel_tol=_SUM_TOLERANCE)
    return type(expected) is type(found) and expected == found
