"""Is the restored database the one that was dumped? Asked of it before it takes its place, and again where it lives."""

from collections.abc import Iterator, Mapping

from fleetsave.model.dumps import DumpText
from fleetsave.model.errors import CaptureError
from fleetsave.model.fingerprints import Fingerprint
from fleetsave.model.records import Finding, Level, Outcome
from fleetsave.sources.postgres import facts
from fleetsave.sources.postgres.dumping_again import dump_again
from fleetsave.sources.postgres.facts import Connection
from fleetsave.sources.postgres.recovery_context import Context
from fleetsave.sources.postgres.restore_refusals import of_check
from fleetsave.sources.postgres.server_session import Session

_NAMED = 5

_INVALID_INDEXES = """
SELECT indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relkind = 'i' AND NOT (indisvalid AND indisready) ORDER BY 1"""
_NOT_VALIDATED = "SELECT conrelid::regclass || ': ' || conname FROM pg_constraint WHERE NOT convalidated ORDER BY 1"


def compare(context: Context, inside: Session) -> tuple[list[Finding], Fingerprint]:
    """Compare the whole database with the backup's record. Raise RestoreError; psycopg.Error."""
    connection, dump = inside.connection, context.dump
    counted = facts.row_counts(connection)
    text = dump_again(context, inside.login)
    checks = _owner_checks(context, inside) if dump.fingerprint else {}
    findings = [
        indexes(connection),
        *_row_counts(dump.fingerprint, counted),
        _blocks(dump.text, text),
        _schema(context, connection, text),
        _constraints(connection, is_same_schema=text.schema_sha256 == dump.text.schema_sha256),
        _sequences(context, connection),
        _locale(context, connection),
        *_compare_checks(dump.fingerprint, checks),
    ]
    return findings, Fingerprint(counted, text.schema_sha256, checks, dump.fingerprint.check_sql if dump.fingerprint else {})


def indexes(connection: Connection) -> Finding:
    """Tell whether every index can be used. Raise psycopg.Error."""
    invalid = [name for (name,) in connection.execute(_INVALID_INDEXES).fetchall()]
    if invalid:
        return Finding("indexes", Outcome.FAILED, f"not valid: {shorten(invalid)}", Level.RESTORED)
    return Finding("indexes", Outcome.PASSED, "every index is valid", Level.RESTORED)


def shorten(names: list[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = f"; and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return "; ".join(name[:100] for name in names[:_NAMED]) + more


def _row_counts(expected: Fingerprint | None, counted: Mapping[str, int]) -> Iterator[Finding]:
    if expected is None:
        yield Finding("fingerprint", Outcome.SKIPPED, "the capture took none, by the fleet file", Level.EQUAL_TO_SOURCE)
        return
    there = expected.row_counts
    differing = [
        f"{name} has {counted.get(name, 'no table')}, {there.get(name, 'no table')} in the backup"
        for name in sorted(there.keys() | counted.keys())
        if there.get(name) != counted.get(name)
    ]
    if differing:
        yield Finding("row_counts", Outcome.FAILED, shorten(differing), Level.EQUAL_TO_SOURCE)
        return
    detail = f"{sum(counted.values())} rows in {len(counted)} tables, as in the backup"
    yield Finding("row_counts", Outcome.PASSED, detail, Level.EQUAL_TO_SOURCE)


def _blocks(expected: DumpText, found: DumpText) -> Finding:
    differing = [
        name
        for name in sorted(expected.blocks.keys() | found.blocks.keys())
        if expected.blocks.get(name) != found.blocks.get(name)
    ]
    if differing:
        return Finding(
            "dump_again", Outcome.FAILED, f"other data than in the backup: {shorten(differing)}", Level.EQUAL_TO_SOURCE
        )
    rows = sum(block.rows for block in found.blocks.values())
    detail = f"dumped again, the data of {len(found.blocks)} tables, {rows} rows, have the backup's SHA-256 each"
    return Finding("dump_again", Outcome.PASSED, detail, Level.EQUAL_TO_SOURCE)


def _schema(context: Context, connection: Connection, found: DumpText) -> Finding:
    """Compare the definitions; two majors write some of them in different words."""
    majors = {context.dump.server_major, connection.info.server_version // 10_000}
    if found.schema_sha256 == context.dump.text.schema_sha256:
        return Finding(
            "schema", Outcome.PASSED, f"definitions as in the backup, sha256 {found.schema_sha256}", Level.EQUAL_TO_SOURCE
        )
    if len(majors) > 1:
        return Finding(
            "schema",
            Outcome.SKIPPED,
            f"PostgreSQL {' and '.join(map(str, sorted(majors)))} word definitions differently",
            Level.EQUAL_TO_SOURCE,
        )
    detail = "definitions are not worded as in the backup: compare the dumps, e.g. for owners, grants or an extension's version"
    return Finding("schema", Outcome.SUSPECT, detail, Level.EQUAL_TO_SOURCE)


def _constraints(connection: Connection, *, is_same_schema: bool) -> Finding:
    names = [name for (name,) in connection.execute(_NOT_VALIDATED).fetchall()]
    if not names:
        return Finding("constraints", Outcome.PASSED, "every constraint is validated", Level.RESTORED)
    as_dumped = "as in the backup" if is_same_schema else "which the backup may have too"
    outcome = Outcome.PASSED if is_same_schema else Outcome.SUSPECT
    return Finding("constraints", outcome, f"not validated, {as_dumped}: {shorten(names)}", Level.RESTORED)


def _sequences(context: Context, connection: Connection) -> Finding:
    """A sequence may have moved on between being asked and being dumped, never back."""
    found = facts.sequences(connection)
    behind = []
    for name, then in sorted(context.dump.sequences.items()):
        now = found.get(name)
        if now is None or (now.last_value - then.last_value) * (1 if then.increment > 0 else -1) < 0:
            behind.append(f"{name} stands at {now.last_value if now else 'nothing'}, it stood at {then.last_value}")
    if behind:
        return Finding("sequences", Outcome.FAILED, shorten(behind), Level.EQUAL_TO_SOURCE)
    return Finding("sequences", Outcome.PASSED, f"{len(context.dump.sequences)} sequences, none behind", Level.EQUAL_TO_SOURCE)


def _locale(context: Context, connection: Connection) -> Finding:
    """Another locale orders texts in another way, which indexes were built for here; the owner should know."""
    here, _ = facts.database_properties(connection)
    there = context.dump.database
    if (here.encoding, here.provider, here.collate, here.locale) == (there.encoding, there.provider, there.collate, there.locale):
        return Finding(
            "locale", Outcome.PASSED, f"{here.encoding}, {here.provider} {here.locale or here.collate}", Level.EQUAL_TO_SOURCE
        )
    detail = (
        f"{there.provider} {there.locale or there.collate} of the backup is not known here: it has "
        f"{here.provider} {here.locale or here.collate}, so texts may be ordered otherwise"
    )
    return Finding("locale", Outcome.SUSPECT, detail, Level.EQUAL_TO_SOURCE)


def _owner_checks(context: Context, inside: Session) -> dict[str, list[str | int | float | None]]:
    """Run the owner's checks as at the source: by the search path that the database has."""
    checks = context.dump.fingerprint.check_sql if context.dump.fingerprint else {}
    if not checks:
        return {}
    inside.connection.execute("RESET search_path")
    try:
        return facts.owner_checks(inside.connection, inside.login, checks)
    except CaptureError as error:
        raise of_check(context.target, error) from None
    finally:
        inside.connection.execute("SELECT pg_catalog.set_config('search_path', 'pg_catalog', false)")


def _compare_checks(expected: Fingerprint | None, found: Mapping[str, list[str | int | float | None]]) -> Iterator[Finding]:
    for name, row in (expected.checks if expected else {}).items():
        answer = found.get(name)
        same = answer == row
        detail = f"{answer}, as in the backup" if same else f"{answer}, {row} in the backup"
        yield Finding(f"owner:{name}", Outcome.PASSED if same else Outcome.FAILED, detail[:500], Level.APPLICATION)
