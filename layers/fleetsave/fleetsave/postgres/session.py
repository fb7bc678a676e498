"""What a session is set to, at the source and in a restored copy, so that both write the same values the same way."""

from typing import Any

import psycopg

SETTINGS = {
    "TimeZone": "GMT",  # by this name alone a server knows UTC where the system has no time zones
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
}


_UNSAID = "SQL_ASCII"
"""The encoding of a server that does not know the encoding of its texts, and never converts them."""


def settle(connection: psycopg.Connection[Any]) -> None:
    """Set a session; inside a transaction that is rolled back it is as before. Raise psycopg.Error."""
    if connection.info.parameter_status("server_encoding") == _UNSAID:
        connection.execute("SET client_encoding TO 'LATIN1'")  # each byte a character, as postgres.encodings has it
    for name, value in SETTINGS.items():
        connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))


def encoded(sql: str, connection: psycopg.Connection[Any]) -> bytes:
    """Return somebody's own SQL as a session takes it; where texts have no encoding it goes as it stands in our files.

    Raise psycopg.DataError for what the database's encoding cannot say.
    """
    is_unsaid = connection.info.parameter_status("server_encoding") == _UNSAID
    try:
        return sql.encode("utf-8" if is_unsaid else connection.info.encoding)
    except UnicodeEncodeError as error:
        raise psycopg.DataError(f"{error.object[error.start]!r} cannot be written in the database's encoding") from None
