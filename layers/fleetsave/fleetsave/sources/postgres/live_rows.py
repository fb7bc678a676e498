"""How many rows each table of a live database has: counted in one snapshot, or, where that takes too long, estimated."""

import time
from dataclasses import dataclass

import psycopg

from fleetsave.model.recovery_records import TableRows
from fleetsave.postgres.names import qualified
from fleetsave.sources.postgres import facts
from fleetsave.sources.postgres.facts import Connection

_ESTIMATES = """
SELECT n.nspname, c.relname, greatest(c.reltuples, 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r'"""


@dataclass(frozen=True)
class LiveRows:
    """The rows of every table by its name, and the names of those that are estimates."""

    rows: dict[str, int]
    estimated: frozenset[str]

    def beside(self, then: dict[str, int]) -> list[TableRows]:
        """Return every table that is there now or was there then, by name."""
        names = sorted(self.rows.keys() | then.keys())
        return [TableRows(name, self.rows.get(name), then.get(name), is_estimate=name in self.estimated) for name in names]


def count(connection: Connection, seconds: float) -> LiveRows:
    """Count within so many seconds; what is left then, or may not be read, is as the planner knows it. Raise psycopg.Error.

    `connection` must be in autocommit mode.
    """
    deadline = time.monotonic() + seconds
    counted: dict[str, int] = {}
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        tables = facts.tables(connection)
        estimates = {qualified(schema, name): rows for schema, name, rows in connection.execute(_ESTIMATES).fetchall()}
        try:
            with connection.transaction():
                for schema, table in tables:
                    left = max(1, round((deadline - time.monotonic()) * 1000))
                    connection.execute(f"SET LOCAL statement_timeout = {left}".encode())
                    counted[qualified(schema, table)] = facts.count(connection, schema, table)
        except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable, psycopg.errors.InsufficientPrivilege):
            pass
    named = [qualified(schema, table) for schema, table in tables]
    return LiveRows({name: counted.get(name, estimates.get(name, 0)) for name in named}, frozenset(set(named) - counted.keys()))
