"""A database of a throwaway server, as much like that of the source as can be made here."""

from dataclasses import dataclass, field
from typing import Any

import psycopg

from fleetsave.model.dumps import DatabaseProperties
from fleetsave.postgres.names import identifier, literal
from fleetsave.postgres.scratch_server import ScratchServer

_BUILTIN = ("C", "C.UTF-8", "PG_UNICODE_FAST")
_PLAIN = ("C", "POSIX")
_ICU_SUFFIX = "-x-icu"


@dataclass(frozen=True)
class MadeLike:
    """How a database came out: `notes` say what stands for something else here, `lacks` what nothing can stand for.

    `is_ordered_otherwise` tells that texts may be ordered in another way than at the source.
    """

    notes: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)
    is_ordered_otherwise: bool = False


def make_database(
    server: ScratchServer, name: str, properties: DatabaseProperties, collations: frozenset[str]
) -> MadeLike:  # fmt: skip
    """Make the empty database `name`, with the source's encoding and, where it is known here, its locale.

    `collations` are those of the system that the dump names; each that is missing gets another to stand for it. Raise
    psycopg.Error.
    """
    notes: list[str] = []
    lacks: list[str] = []
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {identifier(name)}")  # it may be that of a new cluster
        if properties.provider == "icu":
            lacks.append(f"the database's own collation is ICU's {properties.locale}, which is not supported here")
        elif not _make(connection, name, properties.encoding, _locale(properties)):
            notes.append(f"locale {properties.collate} is not known here")
        if lacks or notes:
            _require(_make(connection, name, properties.encoding, _substitute(properties.encoding)), name)
            notes.append(f"made with {_substitute_name(properties.encoding)} instead")
    with server.connect(name) as connection:
        replaced = _add_collations(connection, properties.encoding, collations)
    if replaced:
        notes.append(f"{_substitute_name(properties.encoding)} stands for {', '.join(replaced)}")
    return MadeLike(notes, lacks, bool(notes))


def _make(connection: psycopg.Connection[Any], name: str, encoding: str, locale: str) -> bool:
    """Make it; False if the locale is not known here, or does not go with the encoding."""
    statement = f"CREATE DATABASE {identifier(name)} TEMPLATE template0 ENCODING {literal(encoding)} {locale}"
    try:
        connection.execute(statement)
    except (psycopg.errors.WrongObjectType, psycopg.errors.InvalidParameterValue, psycopg.errors.InvalidObjectDefinition):
        return False
    return True


def _require(made: bool, name: str) -> None:  # noqa: FBT001 - the answer of _make
    if not made:
        raise psycopg.errors.InvalidParameterValue(f"database {name} cannot be made with any locale")


def _locale(properties: DatabaseProperties) -> str:
    if properties.provider == "builtin":
        return f"LOCALE_PROVIDER builtin BUILTIN_LOCALE {literal(properties.locale or 'C')} LC_COLLATE 'C' LC_CTYPE 'C'"
    return f"LOCALE_PROVIDER libc LC_COLLATE {literal(properties.collate)} LC_CTYPE {literal(properties.ctype)}"


def _substitute(encoding: str) -> str:
    """Return the locale that needs nothing of the system's."""
    if encoding == "UTF8":
        return "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'"
    return "LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"


def _substitute_name(encoding: str) -> str:
    return "PostgreSQL's own C.UTF-8" if encoding == "UTF8" else "C"


def _add_collations(connection: psycopg.Connection[Any], encoding: str, collations: frozenset[str]) -> list[str]:
    """Make those that are missing; nothing can stand for one of ICU's, whose order is its point."""
    there = {name for (name,) in connection.execute("SELECT collname FROM pg_collation WHERE collnamespace = 11").fetchall()}
    missing = sorted(name for name in collations - there if not name.endswith(_ICU_SUFFIX))
    options = "provider = builtin, locale = 'C.UTF-8'" if encoding == "UTF8" else "provider = libc, locale = 'C'"
    if missing:
        connection.execute("SET allow_system_table_mods = on")
    for name in missing:
        connection.execute(f"CREATE COLLATION pg_catalog.{identifier(name)} ({options})")
    return missing
