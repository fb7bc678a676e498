"""Words for the `sqlite3` program: names into SQL and URIs, and its output back into values."""

import re
from urllib.parse import quote

from fleetsave.model.records import Value

_LITERAL = re.compile(r"'(?:[^']|'')*'|[^,\n']+")


def sql_text(text: str) -> str:
    """Return the SQL literal of a text."""
    return "'" + text.replace("'", "''") + "'"


def uri(path: str, options: str) -> str:
    """Return the URI of a database file; no byte of its name can be taken for anything else."""
    return "file:" + quote(path.encode("utf-8", "surrogateescape")) + options


def parse_row(output: str) -> list[Value]:
    """Read the first row of the program's `-quote` output; no output is no row.

    Raise ValueError for a blob or an infinite number, which records cannot hold.
    """
    values: list[Value] = []
    position = 0
    while position < len(output) and output[position] != "\n":
        match = _LITERAL.match(output, position)
        if match is None:
            raise ValueError(f"not a row: {output[:100]!r}")
        values.append(_value(match[0]))
        position = match.end()
        if output[position : position + 1] == ",":
            position += 1
    return values


def _value(literal: str) -> Value:
    if literal.startswith("'"):
        return literal[1:-1].replace("''", "'")
    if literal == "NULL":
        return None
    if re.fullmatch(r"[+-]?\d+", literal):
        return int(literal)
    number = float(literal)
    if number - number != 0:
        raise ValueError("an infinite number")
    return number
