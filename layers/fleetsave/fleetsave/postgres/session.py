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


def settle(connection: psycopg.Connection[Any]) -> None:
    """Set a session; inside a transaction that is rolled back it is as before. Raise psycopg.Error."""
    for name, value in SETTINGS.items():
        connection.execute("SELECT pg_catalog.set_config(%s, %s, false)", (name, value))
