"""What the server says before anything is touched: is it fit for the backup, what stands there, and who uses it?"""

import shutil
from collections.abc import Iterator

import psycopg

from fleetsave.model.errors import InvalidInputError, RestoreError
from fleetsave.model.recovery_records import Survey, TargetState
from fleetsave.postgres.globals import read_statements
from fleetsave.postgres.programs import MAJOR
from fleetsave.sources.postgres import creating, live_rows, standing
from fleetsave.sources.postgres.facts import Connection
from fleetsave.sources.postgres.needed_roles import created_roles
from fleetsave.sources.postgres.recovery_context import Context
from fleetsave.sources.postgres.restore_refusals import is_damage, restore_refusal
from fleetsave.sources.postgres.rights import require_rights
from fleetsave.sources.postgres.server_session import Session

_COUNT_SECONDS = 60.0
_SHOWN = 20

_SESSIONS = """
SELECT concat_ws(' ', usename, nullif(application_name, ''), host(client_addr), CASE WHEN count(*) > 1 THEN 'x' || count(*) END)
FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
GROUP BY usename, application_name, client_addr ORDER BY count(*) DESC, 1"""

_DAMAGED_WORDS = ("subdirectory", "could not open file", "could not read", "invalid page", "is not a valid data directory")
"""What a server says of a database that it has in its catalog and cannot let anybody into."""


def look(context: Context) -> Survey:
    """Look at the server and at what stands at the target; nothing is written. Raise RestoreError if it is not fit."""
    _require_scratch(context)
    with context.sessions.beside() as session:
        connection = session.connection
        _require_server(context, connection)
        live = standing.read(connection, context.names).live
        _require_free_name(context, live)
        notes = [*require_rights(context, connection, live), *_require_what_is_needed(context, connection)]
        if live is None:
            return _survey(context, session, TargetState.MISSING, 0, notes)
        _require_can_be_renamed(context, connection, live)
        size = _value(connection, "SELECT pg_database_size(%s::oid)", live.oid)
        notes += _slots(connection, live.name)
        return _survey(context, session, TargetState.HEALTHY, size, notes)


def _survey(context: Context, session: Session, state: TargetState, size: int, notes: list[str]) -> Survey:
    """Return the survey; a database that cannot be read for what it is, is damaged."""
    open_by: list[str] = []
    rows = live_rows.LiveRows({}, frozenset())
    if state is TargetState.HEALTHY:
        open_by = [who for (who,) in session.connection.execute(_SESSIONS, (context.names.live,)).fetchall()]
        try:
            rows = _count(context, session)
        except _DamagedError as damage:
            state = TargetState.DAMAGED
            notes = [*notes, f"it cannot be read: {damage}; it is kept as it is, under the name {context.names.kept}"]
    if rows.estimated:
        notes = [*notes, f"rows of {len(rows.estimated)} tables are estimates: they could not be counted in time, or not be read"]
    return Survey(
        target_state=state,
        size=size,
        journal_mode=None,
        page_size=None,
        schema_sha256=None,
        room_free=None,
        room_needed=context.dump.database_size,
        open_by=open_by[:_SHOWN],
        runtime=f"PostgreSQL {session.connection.info.parameter_status('server_version')}",
        notes=[*notes, "how much room the server's disk has cannot be seen from here"],
        comparison=rows.beside(context.rows_then),
    )


class _DamagedError(Exception):
    """The live database cannot be read."""


def _count(context: Context, session: Session) -> live_rows.LiveRows:
    seconds = min(_COUNT_SECONDS, max(1.0, context.seconds_left() / 4))
    try:
        with context.sessions.to(session.login, context.names.live) as inside:
            try:
                return live_rows.count(inside.connection, seconds)
            except psycopg.Error as error:
                if is_damage(error):
                    raise _DamagedError(str(error)) from None
                raise
    except RestoreError as error:
        if any(word in error.cause for word in _DAMAGED_WORDS):
            raise _DamagedError(error.cause) from None
        raise


def _require_scratch(context: Context) -> None:
    free, needed = shutil.disk_usage(context.scratch).free, context.plan.stored_size
    if free < needed:
        cause = f"the backup's {needed} bytes have to fit on the function's own disk, where {free} are free"
        raise restore_refusal(context.target, "scratch_full", cause)


def _require_server(context: Context, connection: Connection) -> None:
    major = connection.info.server_version // 10_000
    if major > MAJOR:
        raise restore_refusal(context.target, "server_too_new", f"the server is PostgreSQL {major}, our programs are {MAJOR}")
    if _value(connection, "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"):
        raise restore_refusal(context.target, "read_only_server", "the server takes no writes")


def _require_free_name(context: Context, live: standing.Found | None) -> None:
    if context.is_new and live is not None:
        raise restore_refusal(context.target, "target_exists", f"the database {live.name} exists")
    if live is not None and not live.allows_connections:
        raise restore_refusal(context.target, "connections_refused", f"the database {live.name} refuses connections")


def _require_can_be_renamed(context: Context, connection: Connection, live: standing.Found) -> None:
    prepared = _value(connection, "SELECT count(*) FROM pg_prepared_xacts WHERE database = %s", live.name)
    if prepared:
        raise restore_refusal(context.target, "prepared_transactions", f"{prepared} prepared transactions are open in it")


def _require_what_is_needed(context: Context, connection: Connection) -> Iterator[str]:
    """Yield what should be minded. Raise RestoreError for what the backup needs and the server has not."""
    dump = context.dump
    for reason, needed, query in (
        ("missing_extensions", dump.extensions, "SELECT name FROM pg_available_extensions"),
        ("missing_tablespaces", dump.tablespaces, "SELECT spcname FROM pg_tablespace"),
    ):
        missing = sorted(set(needed) - {name for (name,) in connection.execute(query.encode()).fetchall()})
        if missing:
            raise restore_refusal(context.target, reason, f"the server does not have: {', '.join(missing)}")
    major = connection.info.server_version // 10_000
    if major < dump.server_major:
        yield f"the server is PostgreSQL {major}, the backup is of {dump.server_major}: what the older does not know will fail"
    yield from _absent_roles(context, connection)


def _absent_roles(context: Context, connection: Connection) -> Iterator[str]:
    there = creating.roles(connection)
    if context.dump.database.owner not in there:
        yield f"the role {context.dump.database.owner}, which owned the database, is not there: who restores will own it"
    content = context.read_globals()
    if content is None:
        yield "the roles beside the backup cannot be read, or are not those that were written: they cannot be offered"
        return
    try:
        absent = sorted(created_roles(read_statements(content)) - there)
    except InvalidInputError as error:
        yield f"the roles beside the backup cannot be read: {error.cause}"
        return
    if absent:
        yield (
            f"roles of the backup that are not there: {', '.join(absent[:_SHOWN])}. If the database needs one, the recovery ends "
            f"before anything is created; to make them: {context.make_roles}"
        )


def _slots(connection: Connection, database: str) -> Iterator[str]:
    found = connection.execute(
        "SELECT slot_name FROM pg_replication_slots WHERE database = %s ORDER BY 1", (database,)
    ).fetchall()
    if found:
        yield f"logical replication slots stay with the old database: {', '.join(name for (name,) in found)}"


def _value(connection: Connection, query: str, *given: object) -> int:
    row = connection.execute(query.encode(), given).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
