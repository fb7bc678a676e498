"""The new database, empty: as much like the one that was dumped as the server lets it be."""

from dataclasses import replace

import psycopg

from fleetsave.model.dumps import DatabaseProperties
from fleetsave.postgres.database import create_statement
from fleetsave.postgres.names import identifier
from fleetsave.sources.postgres import standing
from fleetsave.sources.postgres.facts import Connection, database_properties
from fleetsave.sources.postgres.recovery_context import Context
from fleetsave.sources.postgres.server_session import Session

_NOT_THERE = (
    psycopg.errors.WrongObjectType, psycopg.errors.InvalidParameterValue, psycopg.errors.InvalidObjectDefinition,
    psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedObject,
)  # fmt: skip
"""What a server says that does not have a locale, or not this provider of them."""


def create(context: Context, session: Session) -> None:
    """Create the new database, with the locale of the one that was dumped, or of the one that is there if that is not known."""
    connection, name = session.connection, context.names.new
    wanted = context.dump.database
    try:
        _execute_create(connection, name, wanted)
    except _NOT_THERE:
        live = standing.read(connection, context.names).live
        if live is None:
            connection.execute(f"CREATE DATABASE {identifier(name)} TEMPLATE template0 ENCODING '{wanted.encoding}'".encode())
            return
        with context.sessions.to(session.login, context.names.live) as inside:
            like, _ = database_properties(inside.connection)
        _execute_create(connection, name, replace(like, encoding=wanted.encoding))


def _execute_create(connection: Connection, name: str, properties: DatabaseProperties) -> None:
    statement = create_statement(name, properties)
    if connection.info.server_version < 150_000:
        statement = statement.replace(" LOCALE_PROVIDER libc", "", 1)
    connection.execute(statement.encode())


def with_known_roles(properties: DatabaseProperties, connection: Connection) -> DatabaseProperties:
    """Return the properties without what names a role that is not there; who restores then owns the database."""
    known = {*roles(connection), ""}
    row = connection.execute("SELECT current_user").fetchone()
    owner = properties.owner if properties.owner in known or row is None else row[0]
    return replace(
        properties,
        owner=owner,
        role_settings=[one for one in properties.role_settings if one[0] in known],
        grants=[one for one in properties.grants if one[1] in known],
    )


def roles(connection: Connection) -> set[str]:
    """Return the names of all roles of the server."""
    return {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
