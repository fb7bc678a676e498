"""Does the restored copy say of its content what the source said inside the capture's own transaction?"""

import hashlib
from math import isclose, isfinite

from fleetsave.checks.sqlite_database import RestoredDatabase
from fleetsave.checks.sqlite_restore import guarded
from fleetsave.model.records import Finding, Fingerprint, Level, Outcome, Value

_NAMED = 5
_SCHEMA_ROWS = 1_000_000
_TABLES = (
    "SELECT name, replace(name, '\"', '\"\"') FROM sqlite_master"
    " WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
)
_SCHEMA = "SELECT hex(type), hex(name), hex(tbl_name), hex(coalesce(sql, '')) FROM sqlite_master"
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
    """Count the rows of every ordinary table; virtual tables are left out, what they keep stands in tables of their own."""
    tables = database.query(_TABLES, limit=_SCHEMA_ROWS)
    counts = {}
    for name, quoted in tables:  # NOT INDEXED: an index may need a collation that only the game has
        (count,) = database.query(f'SELECT count(*) FROM "{quoted}" NOT INDEXED', limit=1)[0]  # noqa: S608 - quoted by SQLite
        counts[str(name)] = int(count or 0)
    return counts


def schema_sha256(database: RestoredDatabase) -> str:
    """Hash the sorted rows of the schema, in hex, so that no name can pass for another whatever is in it."""
    rows = database.query(_SCHEMA, limit=_SCHEMA_ROWS)
    lines = sorted("|".join(str(cell) for cell in row) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


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
        found = [_plain(value) for value in rows[0]] if rows else []
        if len(expected) == len(found) and all(map(_is_same, expected, found)):
            return Finding(check_name, Outcome.PASSED, f"{found}, as at the source"[:500], Level.APPLICATION)
        return Finding(check_name, Outcome.FAILED, f"{found} restored, {expected} at the source"[:500], Level.APPLICATION)

    return guarded(check_name, Level.APPLICATION, ask)


def _plain(value: str | float | bytes | None) -> Value:
    """Write a cell as the capture does: JSON has neither bytes nor infinity."""
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, float) and not isfinite(value):
        return repr(value)
    return value


def _is_same(expected: Value, found: Value) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return isclose(expected, found, rel_tol=_SUM_TOLERANCE)
    return type(expected) is type(found) and expected == found
