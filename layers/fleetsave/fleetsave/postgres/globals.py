"""The object beside a dump, read as statements: roles, what they may do, and tablespaces, as pg_dumpall writes them.

It is never given to psql, which would run what stands in it as commands of its own. Statements stay bytes, in the encoding that
one of the first of them sets: every encoding that a server may have leaves ASCII alone.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg

from fleetsave.model.errors import InvalidInputError

_TOKEN = re.compile(
    rb"""(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<skipped>^\\[^\n]*|--[^\n]*)|(?P<end>;)|[^'";\\-]+|.""",
    re.MULTILINE | re.DOTALL,
)
"""Strings that begin with E double their backslashes and their quotes: for finding their ends they are like all others."""

_NAME = rb"""(?:"(?:[^"]|"")*"|[^\s"]+)"""
_LOCATION = re.compile(rb"(CREATE TABLESPACE " + _NAME + rb"(?: OWNER " + _NAME + rb")?) LOCATION .*", re.DOTALL)
_SETTING = re.compile(rb"ALTER ROLE " + _NAME + rb" (?:IN DATABASE " + _NAME + rb" )?SET ")
_ROLE = b"CREATE ROLE "
_IN_PLACE = b"SET allow_in_place_tablespaces = on"


def read_statements(content: bytes) -> list[bytes]:
    """Return the statements of a globals object, without comments and without psql's own commands.

    Raise InvalidInputError if it ends in the middle of one.
    """
    return list(_split(content))


def for_throwaway(statements: Sequence[bytes]) -> list[bytes]:
    """Return the statements as a server takes them that has none of the folders in which the tablespaces were.

    What roles have set for their sessions is left out: it says nothing of any data, and our own session there is such a role's.
    """
    return [_IN_PLACE, *(_LOCATION.sub(rb"\1 LOCATION ''", one) for one in statements if not _SETTING.match(one))]


def run_statements(connection: psycopg.Connection[Any], statements: Sequence[bytes]) -> list[bytes]:
    """Run each in a transaction of its own, and return those that make a role which is there; nothing else is let pass.

    `connection` must be in autocommit mode. Raise psycopg.Error for any other that fails.
    """
    there: list[bytes] = []
    for statement in statements:
        try:
            connection.execute(statement)
        except psycopg.errors.DuplicateObject:
            if not statement.startswith(_ROLE):
                raise
            there.append(statement)
    return there


def _split(content: bytes) -> Iterator[bytes]:
    statement: list[bytes] = []
    for token in _TOKEN.finditer(content):
        if token["end"]:
            yield b"".join(statement).strip()
            statement.clear()
        elif not token["skipped"]:
            statement.append(token[0])
    if rest := b"".join(statement).strip():
        raise InvalidInputError("read globals", repr(rest[:100]), "it ends in the middle of a statement", "Use another backup.")
