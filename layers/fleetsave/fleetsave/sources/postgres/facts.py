"""What the server says of a database inside the snapshot of its dump: versions, settings, rows, sequences, the owner's checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.pq import ExecStatus

from fleetsave.model.dumps import DatabaseProperties, SequenceValue
from fleetsave.model.fingerprints import Value
from fleetsave.postgres.login import Login
from fleetsave.postgres.names import identifier, qualified
from fleetsave.postgres.session import encoded, settle
from fleetsave.sources.postgres import refusals

Connection = psycopg.Connection[Any]

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
ORDER BY 1, 2"""
"""The tables whose rows pg_dump writes as they are: not those of extensions, which come with them."""

_SEQUENCES = """
SELECT schemaname, sequencename, last_value, increment_by FROM pg_sequences WHERE last_value IS NOT NULL ORDER BY 1, 2"""

_DATABASE = """
SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, datconnlimit, pg_database_size(oid), oid,
       coalesce(to_jsonb(d)->>'datlocprovider', 'c'),
       coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale'), to_jsonb(d)->>'daticurules',
       pg_catalog.has_database_privilege('public', oid, 'CONNECT')
FROM pg_database d WHERE datname = current_database()"""
"""Columns that came or were renamed with later versions are asked for through JSON, which has those that are there."""

_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}

_SETTINGS = """
SELECT coalesce(pg_get_userbyid(nullif(setrole, 0)), ''), split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)
FROM pg_db_role_setting, unnest(setconfig) AS setting WHERE setdatabase = %s ORDER BY 1, 2"""

_GRANTS = """
SELECT privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END,
       CASE WHEN grantee = 0 THEN '' ELSE pg_get_userbyid(grantee) END
FROM pg_database, aclexplode(datacl) WHERE oid = %s AND grantee <> datdba ORDER BY 2, 1"""

_QUOTED_LISTS = {
    "local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries", "temp_tablespaces",
    "unix_socket_directories",
}  # fmt: skip
"""Settings whose value is a list that is quoted already (variable_is_guc_list_quote in PostgreSQL's dumputils.c)."""


@dataclass(frozen=True)
class Server:
    """The server and the snapshot; `number` is e.g. 160015 for version 16.15."""

    version: str
    number: int
    snapshot: str
    snapshot_id: str
    bootstrap_superuser: str


def begin(connection: Connection) -> Server:
    """Begin the transaction whose snapshot everything is read in, and export it.

    The server is asked not to end it for being idle: pg_dump reads in it for as long as it takes.
    """
    settle(connection)
    for setting in ("idle_in_transaction_session_timeout", "statement_timeout"):
        connection.execute(f"SET {setting} = 0")
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    row = _row(
        connection,
        "SELECT current_setting('server_version'), current_setting('server_version_num')::int, pg_export_snapshot(), "
        "to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD\"T\"HH24MISS.US'), pg_current_snapshot()::text, pg_get_userbyid(10)",
    )
    version, number, snapshot, moment, transactions, superuser = row
    return Server(version.split(" ")[0], number, snapshot, f"{moment}/{transactions}/{snapshot}", superuser)


def row_counts(connection: Connection) -> dict[str, int]:
    """Count the rows of every table, by `schema.table`."""
    return {qualified(schema, table): count(connection, schema, table) for schema, table in tables(connection)}


def tables(connection: Connection) -> list[tuple[str, str]]:
    """Return schema and name of every table whose rows a dump holds."""
    return connection.execute(_TABLES).fetchall()


def count(connection: Connection, schema: str, table: str) -> int:
    """Count the rows of one table, those of its partitions left out."""
    (rows,) = _row(connection, f"SELECT count(*) FROM ONLY {identifier(schema)}.{identifier(table)}")  # noqa: S608 - quoted
    return int(rows)


def sequences(connection: Connection) -> dict[str, SequenceValue]:
    """Return where every sequence that was ever used stands; sequences do not follow snapshots, so it may move on at once."""
    rows = connection.execute(_SEQUENCES).fetchall()
    return {qualified(schema, name): SequenceValue(last, increment) for schema, name, last, increment in rows}


def extensions(connection: Connection) -> dict[str, str]:
    """Return the version of each extension."""
    return dict(connection.execute("SELECT extname, extversion FROM pg_extension ORDER BY 1").fetchall())


def tablespaces(connection: Connection) -> list[str]:
    """Return the tablespaces that anything of the database lies in, but for its own default."""
    rows = connection.execute(
        "SELECT DISTINCT spcname FROM pg_class JOIN pg_tablespace t ON t.oid = reltablespace "
        "WHERE spcname NOT LIKE 'pg\\_%' ORDER BY 1"
    )
    return [name for (name,) in rows.fetchall()]


def database_properties(connection: Connection) -> tuple[DatabaseProperties, int]:
    """Return what belongs to the database itself, and its size in bytes."""
    (
        owner, encoding, collate, ctype, limit, size, oid, provider, locale, icu_rules, public_may_connect,
    ) = _row(connection, _DATABASE)  # fmt: skip
    settings: list[str] = []
    role_settings: list[tuple[str, str]] = []
    for role, name, value in connection.execute(_SETTINGS, (oid,)).fetchall():
        # Such a list is quoted as it stands; anything else is one value.
        shown = value if name.lower() in _QUOTED_LISTS else "'" + value.replace("'", "''") + "'"
        statement = f"SET {identifier(name) if '.' not in name else name} TO {shown or chr(39) * 2}"
        if role:
            role_settings.append((role, statement))
        else:
            settings.append(statement)
    grants = [(privilege, role) for privilege, role in connection.execute(_GRANTS, (oid,)).fetchall()]
    properties = DatabaseProperties(
        owner=owner, encoding=encoding, provider=_PROVIDERS.get(provider, provider), collate=collate, ctype=ctype, locale=locale,
        icu_rules=icu_rules, connection_limit=limit, settings=settings, role_settings=role_settings, grants=grants,
        public_may_connect=public_may_connect,
    )  # fmt: skip
    return properties, size


def owner_checks(connection: Connection, login: Login, checks: Mapping[str, str]) -> dict[str, list[Value]]:
    """Run the owner's checks, and return the first row of each as text. Raise CaptureError for one that gives none."""
    found: dict[str, list[Value]] = {}
    for name, sql in checks.items():
        row = check_row(connection, login, name, sql)
        found[name] = list(row)
    return found


def check_row(connection: Connection, login: Login, name: str, sql: str) -> list[str | None]:
    """Run one check by the extended protocol, which takes one statement alone, and return its first row as text."""
    answer = connection.pgconn.exec_params(encoded(sql.strip().rstrip(";"), connection), [])
    if answer.status != ExecStatus.TUPLES_OK:
        failed = answer.status == ExecStatus.FATAL_ERROR
        raise refusals.check_failed(
            login, name, answer.get_error_message(connection.info.encoding) if failed else "it is no SELECT"
        )
    if not answer.ntuples:
        raise refusals.check_failed(login, name, "it gives no row")
    cells = [answer.get_value(0, column) for column in range(answer.nfields)]
    return [None if cell is None else cell.decode(connection.info.encoding, "backslashreplace") for cell in cells]


def _row(connection: Connection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    if row is None:
        raise LookupError(f"no row: {sql[:60]}")
    return tuple(row)
