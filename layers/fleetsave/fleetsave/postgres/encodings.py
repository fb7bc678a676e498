"""Encodings of servers by Python's names."""

import codecs

_CODECS = {"SQL_ASCII": "latin-1", "MULE_INTERNAL": "ascii", "WIN1252": "cp1252", "WIN1251": "cp1251", "WIN1250": "cp1250"}


def codec(encoding: str) -> str:
    """Return Python's name of a server encoding; what has none is read as ASCII, with every other byte written out.

    SQL_ASCII says nothing of any byte: each is read as the character of its number, so that it can be written again.
    """
    python_name = _CODECS.get(encoding, encoding.replace("_", "-"))
    try:
        return codecs.lookup(python_name).name
    except LookupError:
        return "ascii"
