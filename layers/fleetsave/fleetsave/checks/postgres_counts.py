"""Does the restored copy hold what the source counted inside the dump's own snapshot?"""

from math import isclose

from fleetsave.checks.postgres_database import RestoredDump, guarded
from fleetsave.model.dumps import DumpText
from fleetsave.model.records import Finding, Fingerprint, Level, Outcome, Value
from fleetsave.postgres.names import identifier, qualified

_NAMED = 5
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r'"""
_SUM_TOLERANCE = 1e-9
"""Sums of floating point numbers depend on the order of the rows, which a copy need not have."""


def check(restored: RestoredDump) -> list[Finding]:
    """Compare the rows of every table, and the owner's checks, with those of the capture."""
    fingerprint = restored.report.fingerprint
    if fingerprint is None:
        return [Finding("fingerprint", Outcome.SKIPPED, "the capture took none, by the fleet file", Level.EQUAL_TO_SOURCE)]
    findings = [guarded("row_counts", Level.EQUAL_TO_SOURCE, lambda: _row_counts(fingerprint, restored))]
    for name, expected in fingerprint.checks.items():
        findings.append(_owner_check(name, expected, fingerprint.check_sql.get(name), restored))
    return findings


def _row_counts(fingerprint: Fingerprint, restored: RestoredDump) -> Finding:
    expected = fingerprint.row_counts
    there = {qualified(schema, name): (schema, name) for schema, name in restored.query(_TABLES)}
    found = {name: _count(*there[name], restored) for name in expected if name in there}
    differing = [
        f"{name[:100]} {rows} at the source, {_told(found, name)} restored, {_dumped(name, restored.report.text)} in the dump"
        for name, rows in sorted(expected.items())
        if not rows == found.get(name) == _dumped(name, restored.report.text)
    ]
    if differing:
        more = f"; and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        return Finding("row_counts", Outcome.FAILED, "; ".join(differing[:_NAMED]) + more, Level.EQUAL_TO_SOURCE)
    detail = f"{sum(found.values())} rows in {len(found)} tables, as at the source"
    return Finding("row_counts", Outcome.PASSED, detail, Level.EQUAL_TO_SOURCE)


def _count(schema: str, table: str, restored: RestoredDump) -> int:
    rows = restored.query(f"SELECT count(*) FROM ONLY {identifier(schema)}.{identifier(table)}")  # noqa: S608 - quoted
    return int(rows[0][0])


def _dumped(name: str, text: DumpText) -> int | None:
    return text.blocks[name].rows if name in text.blocks else None


def _told(found: dict[str, int], name: str) -> str:
    return str(found.get(name, "no table"))


def _owner_check(name: str, expected: list[Value], sql: str | None, restored: RestoredDump) -> Finding:
    check_name = f"owner:{name}"
    if sql is None:
        return Finding(check_name, Outcome.SKIPPED, "the record does not say its SQL", Level.APPLICATION)

    def ask() -> Finding:
        row = restored.first_row(sql)
        found = [value for value, _ in row]
        same = len(expected) == len(row) and all(
            _is_same(before, now, is_float=is_float) for before, (now, is_float) in zip(expected, row, strict=True)
        )
        if same:
            return Finding(check_name, Outcome.PASSED, f"{found}, as at the source"[:500], Level.APPLICATION)
        return Finding(check_name, Outcome.FAILED, f"{found} restored, {expected} at the source"[:500], Level.APPLICATION)

    return guarded(check_name, Level.APPLICATION, ask)


def _is_same(expected: Value, found: str | None, *, is_float: bool) -> bool:
    if is_float and isinstance(expected, str) and found is not None:
        return expected == found or isclose(float(expected), float(found), rel_tol=_SUM_TOLERANCE)
    return expected == found
