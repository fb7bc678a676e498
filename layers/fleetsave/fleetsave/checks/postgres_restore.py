"""Does a dump restore, and does what it restores work as a database?"""

from collections.abc import Iterator, Sequence

import psycopg

from fleetsave.checks.postgres_database import RestoredDump, Row, guarded
from fleetsave.model.dumps import SequenceValue
from fleetsave.model.records import Finding, Level, Outcome
from fleetsave.postgres.globals import for_throwaway, run_statements
from fleetsave.postgres.lacks import classify, depends_on_order
from fleetsave.postgres.names import qualified
from fleetsave.postgres.restoring import RestoreResult, last_words
from fleetsave.postgres.scratch_database import MadeLike, make_database

RESTORE = "restore"
"""The check that answers whether the dump went in."""

_NAMED = 5
_OURS = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
_TABLES = f"""
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'f') AND {_OURS}"""  # noqa: S608 - words of our own
_INVALID = f"""
SELECT n.nspname, c.relname, c.relkind FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND {_OURS} ORDER BY 1, 2"""  # noqa: S608 - words of our own
_UNVALIDATED = f"""
SELECT n.nspname, c.conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
WHERE NOT c.convalidated AND {_OURS} ORDER BY 1, 2"""  # noqa: S608 - words of our own
_SEQUENCES = "SELECT schemaname, sequencename, last_value, cycle FROM pg_sequences"
_PARTITIONED = "I"


def check(
    restored: RestoredDump, globals_statements: Sequence[bytes], chunks: Iterator[bytes], collations: frozenset[str]
) -> list[Finding]:
    """Restore roles and tablespaces, make the database, restore the dump into it, and look at what came of it.

    `chunks` are what pg_dump wrote, `collations` the system's that it names. Whatever the first three come to, what follows is
    only asked of a restore that went well.
    """
    roles = guarded("globals_restored", Level.RESTORED, lambda: _globals(restored, globals_statements))
    if roles.outcome is not Outcome.PASSED:
        return [roles]
    try:
        made = make_database(restored.server, restored.name, restored.report.database, collations)
    except psycopg.Error as error:
        restored.raise_if_ours(str(error))
        return [roles, Finding(RESTORE, Outcome.INCONCLUSIVE, f"no such database can be made here: {error}", Level.RESTORED)]
    lacks = [Finding("locale", Outcome.INCONCLUSIVE, lack, Level.RESTORED) for lack in made.lacks]
    restore = _restore(restored.restore(chunks), made, restored)
    if restore.outcome is not Outcome.PASSED:
        return [roles, *lacks, restore]
    questions = (
        guarded("tables", Level.RESTORED, lambda: _tables(restored)),
        guarded("indexes", Level.RESTORED, lambda: _indexes(restored)),
        guarded("constraints", Level.RESTORED, lambda: _constraints(restored)),
        guarded("sequences", Level.RESTORED, lambda: _sequences(restored)),
    )
    return [roles, *lacks, restore, *questions]


def is_restored(findings: Sequence[Finding]) -> bool:
    """Tell whether the dump went in: only then there is something to compare."""
    return any(finding.check == RESTORE and finding.outcome is Outcome.PASSED for finding in findings)


def _globals(restored: RestoredDump, statements: Sequence[bytes]) -> Finding:
    with restored.server.connect() as connection:
        there = run_statements(connection, for_throwaway(statements))
    detail = f"{len(statements)} statements, of which {len(there)} make a role that each server has"
    return Finding("globals_restored", Outcome.PASSED, detail, Level.RESTORED)


def _restore(result: RestoreResult, made: MadeLike, restored: RestoredDump) -> Finding:
    notes = "".join(f"; {note}" for note in made.notes)
    said = last_words(result.errors)
    if result.succeeded:
        detail = f"{result.size} bytes restored by PostgreSQL {restored.report.tools_version}, status 0{notes}"
        return Finding(RESTORE, Outcome.PASSED, detail, Level.RESTORED)
    lack = classify(result.errors)
    if lack is not None:
        return Finding(RESTORE, Outcome.INCONCLUSIVE, f"it cannot be restored here: {lack} ({said})", Level.RESTORED)
    if made.is_ordered_otherwise and depends_on_order(result.errors):
        detail = f"it depends on how texts are ordered at the source: {said}{notes}"
        return Finding(RESTORE, Outcome.INCONCLUSIVE, detail, Level.RESTORED)
    early = " before it had read everything" if result.ended_early else ""
    detail = f"it ended with status {result.status}{early}: {said}{notes}"
    return Finding(RESTORE, Outcome.FAILED, detail, Level.RESTORED)


def _tables(restored: RestoredDump) -> Finding:
    count = int(restored.query(_TABLES)[0][0])
    if not count:
        return Finding("tables", Outcome.SUSPECT, "it holds not one table", Level.RESTORED)
    return Finding("tables", Outcome.PASSED, f"{count} tables", Level.RESTORED)


def _indexes(restored: RestoredDump) -> Finding:
    """Judge what is marked invalid; that of a partitioned table is so as long as a partition has none, also at the source."""
    rows = restored.query(_INVALID)
    invalid = [row for row in rows if row[2] != _PARTITIONED]
    if invalid:
        return Finding("indexes", Outcome.FAILED, f"not valid: {_names(invalid)}", Level.RESTORED)
    note = f"; not on every partition, as at the source: {_names(rows)}" if rows else ""
    return Finding("indexes", Outcome.PASSED, f"every index is valid{note}", Level.RESTORED)


def _constraints(restored: RestoredDump) -> Finding:
    """Name what is not validated; a restore leaves nothing so that the dump does not say it of, as the source did."""
    rows = restored.query(_UNVALIDATED)
    detail = f"NOT VALID as at the source: {_names(rows)}" if rows else "every constraint is validated"
    return Finding("constraints", Outcome.PASSED, detail, Level.RESTORED)


def _sequences(restored: RestoredDump) -> Finding:
    """See that no sequence gives out a number again; one that goes round may stand anywhere."""
    found = {qualified(row[0], row[1]): (row[2], row[3]) for row in restored.query(_SEQUENCES)}
    expected = restored.report.sequences
    behind = [
        f"{name[:100]} stands at {found.get(name, ('nothing',))[0]}, stood at {value.last_value}"
        for name, value in sorted(expected.items())
        if _is_behind(value, *found.get(name, (None, False)))
    ]
    if behind:
        more = f"; and {len(behind) - _NAMED} more" if len(behind) > _NAMED else ""
        return Finding("sequences", Outcome.FAILED, "; ".join(behind[:_NAMED]) + more, Level.RESTORED)
    return Finding("sequences", Outcome.PASSED, f"none of {len(expected)} is behind the source's", Level.RESTORED)


def _is_behind(expected: SequenceValue, found: int | None, goes_round: bool) -> bool:  # noqa: FBT001 - a row of the server's
    if found is None:
        return True
    if goes_round:
        return False
    return found < expected.last_value if expected.increment > 0 else found > expected.last_value


def _names(rows: Sequence[Row]) -> str:
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return ", ".join(qualified(row[0], row[1])[:100] for row in rows[:_NAMED]) + more
