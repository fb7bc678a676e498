"""What the server says of a restored database, compared with what the backup must hold, as findings."""

from collections.abc import Mapping
from math import isclose
from typing import Any

from fleetsave.model.records import Finding, Fingerprint, Level, Outcome, Value

_NAMED = 5
_SUM_TOLERANCE = 1e-9
"""SQLite 3.43 began to sum floating point values with compensation, so two versions differ in the last digits."""

WRITTEN_SINCE = "; the game has written since"


def integrity(reply: Mapping[str, Any]) -> Finding:
    """Return what integrity_check found."""
    return Finding("integrity", Outcome(reply["integrity"]), str(reply["detail"])[:1000], Level.RESTORED)


def compare(expected: Fingerprint | None, found: Fingerprint | None, *, written: bool) -> list[Finding]:
    """Compare row counts, schema, and the owner's checks.

    `written`: somebody may have written since the restore, so that counts and checks may differ without a fault; a game
    does not change its schema by itself, so that must be equal all the same.
    """
    if expected is None:
        return [Finding("fingerprint", Outcome.SKIPPED, "the capture took none, by the fleet file", Level.EQUAL_TO_SOURCE)]
    if found is None:
        return [Finding("fingerprint", Outcome.FAILED, "it cannot be read", Level.EQUAL_TO_SOURCE)]
    same_schema = found.schema_sha256 == expected.schema_sha256
    schema = f"schema sha256 {found.schema_sha256}" + (", as in the backup" if same_schema else f", not {expected.schema_sha256}")
    findings = [
        _compared("row_counts", Level.EQUAL_TO_SOURCE, _differing_counts(expected, found), _total(found), written=written),
        Finding("schema", Outcome.PASSED if same_schema else Outcome.FAILED, schema, Level.EQUAL_TO_SOURCE),
    ]
    for name, row in expected.checks.items():
        answer = found.checks.get(name)
        difference = "" if answer is not None and _is_same_row(row, answer) else f"{answer}, {row} in the backup"
        findings.append(_compared(f"owner:{name}", Level.APPLICATION, difference, f"{answer}", written=written))
    return findings


def _compared(check: str, level: Level, difference: str, evidence: str, *, written: bool) -> Finding:
    if not difference:
        return Finding(check, Outcome.PASSED, f"{evidence}, as in the backup"[:500], level)
    if written:
        return Finding(check, Outcome.PASSED, difference[:450] + WRITTEN_SINCE, level)
    return Finding(check, Outcome.FAILED, difference[:500], level)


def _differing_counts(expected: Fingerprint, found: Fingerprint) -> str:
    here, there = found.row_counts, expected.row_counts
    differing = [
        f"{table[:100]!r} has {here.get(table, 'no table')}, {there.get(table, 'no table')} in the backup"
        for table in sorted(here.keys() | there.keys())
        if here.get(table) != there.get(table)
    ]
    more = f"; and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
    return "; ".join(differing[:_NAMED]) + more


def _total(found: Fingerprint) -> str:
    return f"{sum(found.row_counts.values())} rows in {len(found.row_counts)} tables"


def _is_same_row(expected: list[Value], found: list[Value]) -> bool:
    return len(expected) == len(found) and all(map(_is_same, expected, found))


def _is_same(expected: Value, found: Value) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return isclose(expected, found, rel_tol=_SUM_TOLERANCE)
    return type(expected) is type(found) and expected == found
