"""Names of tables and other objects, written one way whoever tells them."""

import re

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*", re.ASCII)
_PART = r'(?:"(?:[^"]|"")*"|[^\s."(]+)'
_QUALIFIED = re.compile(rf"({_PART})\.({_PART})")


def qualified(schema: str, name: str) -> str:
    """Return `schema.name`, quoted where it must be; keywords are not quoted: it names a thing to people, not to SQL."""
    return f"{_quoted_if_needed(schema)}.{_quoted_if_needed(name)}"


def identifier(name: str) -> str:
    """Return a name as SQL takes it whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL takes it whatever it is; standard strings, in which a backslash stands for itself."""
    return "'" + text.replace("'", "''") + "'"


def read_qualified(text: str) -> str | None:
    """Return the name that stands at the beginning of `text` as `qualified` writes it, None if there is none."""
    match = _QUALIFIED.match(text)
    return qualified(_unquoted(match[1]), _unquoted(match[2])) if match else None


def _quoted_if_needed(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else identifier(name)


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part
