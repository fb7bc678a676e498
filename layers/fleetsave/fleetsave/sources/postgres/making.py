"""The new database: made like the one that was dumped, filled in one transaction, and marked once it is whole."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace

import psycopg

from fleetsave.model.dumps import DatabaseProperties
from fleetsave.model.errors import RestoreError
from fleetsave.model.kinds import DumpFormat
from fleetsave.postgres.database import property_statements
from fleetsave.postgres.encodings import codec
from fleetsave.postgres.names import identifier
from fleetsave.postgres.restoring import archive_text, restore
from fleetsave.sources.postgres import standing
from fleetsave.sources.postgres.creating import create, roles, with_known_roles
from fleetsave.sources.postgres.facts import Connection
from fleetsave.sources.postgres.needed_roles import needed_roles
from fleetsave.sources.postgres.recovery_context import Context
from fleetsave.sources.postgres.restore_refusals import of_program, restore_refusal
from fleetsave.sources.postgres.server_session import Session
from fleetsave.sources.postgres.spool import Spool

_RESERVE = 20.0
"""Seconds of a run that are kept for saying what went wrong."""

_ANALYZE_SECONDS = 120
_KNOWS_TRANSACTION_TIMEOUT = 170_000
_TRANSACTION_TIMEOUT = b"\nSET transaction_timeout = 0;\n"
_HEAD_SIZE = 4 << 10


def take(context: Context, chunks: Iterator[bytes], told: Callable[[int], None]) -> Spool:
    """Take a backup's plain bytes onto our side, and prove them. Raise RestoreError if they are not those of the plan."""

    def heard(size: int) -> None:
        if context.seconds_left() < _RESERVE:
            raise too_large(context, f"after {size} bytes the time was up, and nothing had been restored yet")
        told(size)

    with ExitStack() as cleanup:
        spool = Spool(context.scratch, context.plan.format, context.target)
        cleanup.callback(spool.close)
        spool.fill(chunks, heard)
        if (spool.size, spool.sha256) != (context.plan.plain_size, context.plan.plain_sha256):
            cause = f"{spool.size} bytes arrived with SHA-256 {spool.sha256}, and {context.plan.plain_sha256} was captured"
            raise restore_refusal(context.target, "altered_copy", cause)
        cleanup.pop_all()
        return spool


def make(context: Context, session: Session, spool: Spool, told: Callable[[int], None]) -> None:
    """Restore proven bytes into the new database, made anew; whatever goes wrong, it is dropped again. Raise RestoreError."""
    connection, names = session.connection, context.names
    drop(context, session)
    _require_roles(context, connection, spool)
    try:
        create(context, session)
        standing.mark_begun(connection, names)
        properties = with_known_roles(context.dump.database, connection)
        # Owner and settings before the content, as pg_restore has it: who may create in `public`, and what functions rely on.
        bare = replace(properties, connection_limit=-1, role_settings=[], grants=[], public_may_connect=True)
        _give(connection, names.new, bare)
        _fill(context, session, spool, told)
        _give(connection, names.new, properties)
        _analyze(context, session)
        standing.mark_whole(connection, names, spool.size, spool.sha256)
    except (RestoreError, psycopg.Error):
        # What cannot be dropped now, because the connection is gone, is dropped by the next run or at the end.
        with suppress(RestoreError, psycopg.Error):
            drop(context, session)
        raise


def drop(context: Context, session: Session) -> None:
    """Drop the new database, whoever is in it, if it is this recovery's and has not taken its place. Raise RestoreError."""
    found = standing.read(session.connection, context.names)
    new = found.in_the_way
    if new is not None and not (new.comment is None and _is_empty(context, session)):
        cause = f"the database {new.name} is there, and not of this recovery"
        raise restore_refusal(context.target, "name_taken", cause)
    if new is not None or (found.ours is not None and not found.is_swapped):
        session.connection.execute(f"DROP DATABASE {identifier(context.names.new)} WITH (FORCE)".encode())


def too_large(context: Context, cause: str) -> RestoreError:
    """Return the error for what one run of the function cannot do."""
    return restore_refusal(context.target, "too_large_for_one_function", cause)


def programs_environment(context: Context, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a program of ours that writes to the new database, whatever that is set to by default."""
    usual = context.programs.environment()["PGOPTIONS"]
    ours = "-c default_transaction_read_only=off -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
    return {**variables, "PGOPTIONS": f"{usual} {ours}"}


def _is_empty(context: Context, session: Session) -> bool:
    """Tell whether the new database holds nothing: between making and marking it a run may have been killed."""
    with context.sessions.to(session.login, context.names.new) as inside:
        row = inside.connection.execute("SELECT NOT EXISTS (SELECT FROM pg_class WHERE oid >= 16384)").fetchone()
    return bool(row and row[0])


def _require_roles(context: Context, connection: Connection, spool: Spool) -> None:
    """Raise RestoreError, `missing_roles`, unless the server has every role that the dump's text names."""
    needed = needed_roles(_text(context, spool.chunks()), codec(context.dump.database.encoding))
    missing = sorted(needed - roles(connection))
    if missing:
        raise restore_refusal(
            context.target, "missing_roles", f"the backup needs roles that are not there: {', '.join(missing)}",
            hint=f"Make them, then recover again. From the backup, without passwords: {context.make_roles}",
        )  # fmt: skip


def _text(context: Context, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Return a dump as text, whichever format it has."""
    if context.plan.format is DumpFormat.CUSTOM:
        return archive_text(context.programs, chunks, context.dump.restrict_key)
    return chunks


def _without_timeout(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Leave out the setting that our programs write at the beginning of every dump, and older servers do not know."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _HEAD_SIZE:
            break
    yield head.replace(_TRANSACTION_TIMEOUT, b"\n", 1) if _TRANSACTION_TIMEOUT in head[:_HEAD_SIZE] else head
    yield from chunks


def _give(connection: Connection, name: str, properties: DatabaseProperties) -> None:
    for statement in property_statements(name, properties):
        connection.execute(statement.encode())


def _fill(context: Context, session: Session, spool: Spool, told: Callable[[int], None]) -> None:
    login = session.login.to(context.names.new)
    chunks, dump_format = spool.chunks(), context.plan.format
    if session.connection.info.server_version < _KNOWS_TRANSACTION_TIMEOUT:
        chunks, dump_format = _without_timeout(_text(context, chunks)), DumpFormat.PLAIN
    seconds = context.seconds_left() - _RESERVE
    with login.for_child() as (variables, descriptors):
        result = restore(
            context.programs, programs_environment(context, variables), descriptors, login.child_database, chunks, dump_format,
            seconds=seconds, told=told,
        )  # fmt: skip
    if result.timed_out:
        raise too_large(context, f"the restore was not over within {seconds:.0f} s, {result.size} of {spool.size} bytes into it")
    if not result.succeeded:
        raise of_program(login, context.target, result.errors or f"the program ended with status {result.status}")


def _analyze(context: Context, session: Session) -> None:
    """Have the planner's statistics made, which a dump does not hold; where that takes too long, autovacuum will."""
    milliseconds = round(1000 * min(_ANALYZE_SECONDS, max(1.0, context.seconds_left() / 4)))
    with context.sessions.to(session.login, context.names.new) as inside:
        inside.connection.execute(f"SET statement_timeout = {milliseconds}".encode())
        try:
            inside.connection.execute("ANALYZE")
        except psycopg.errors.QueryCanceled:
            return
