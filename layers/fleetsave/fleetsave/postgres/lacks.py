"""What a restore can fail for without the dump being bad: things of the source's server that this PostgreSQL does not have."""

import re
from dataclasses import dataclass

_QUOTED = r'"((?:[^"]|"")+)"'


@dataclass(frozen=True)
class Lack:
    """Something that a dump needs and that is not here: what sort of thing it is, and a sentence that names it."""

    what: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class _Rule:
    what: str
    pattern: "re.Pattern[str]"
    sentence: str


def _rule(what: str, pattern: str, sentence: str) -> _Rule:
    return _Rule(what, re.compile(pattern), sentence)


_RULES = (
    _rule("extension", rf"extension {_QUOTED} is not available", "extension {} is not installed here"),
    _rule("extension", r'extension control file "[^"]*?([^/"]+)\.control"', "extension {} is not installed here"),
    _rule("extension", rf"extension {_QUOTED} has no installation script", "extension {} is not installed here in this version"),
    _rule("extension", r"ERROR: +(\S+) (?:can only|must) be loaded via", "extension {} has to be loaded at the start"),
    _rule("extension", r'unrecognized configuration parameter "(\w+)\.', "extension {} is not loaded here"),
    _rule("library", r'could not (?:access file|load library) "([^"]+)"', "library {} is not installed here"),
    _rule("library", r'could not find function "[^"]*" in file "([^"]+)"', "library {} is another version here"),
    _rule("language", rf"language {_QUOTED} does not exist", "language {} is not installed here"),
    _rule("icu", r"(ICU) is not supported in this build", "collations of {} are not supported here"),
    _rule("collation", rf"collation {_QUOTED}(?: for encoding \S+)? does not exist", "collation {} is not known here"),
    _rule("collation", r'could not create locale "([^"]+)"', "locale {} is not known here"),
    _rule("collation", rf"invalid locale name: {_QUOTED}", "locale {} is not known here"),
    _rule("time zone", r'time zone "([^"]+)" not recognized', "time zone {} is not known here"),
    _rule("time zone", r'invalid value for parameter "TimeZone": "([^"]+)"', "time zone {} is not known here"),
    _rule("tablespace", rf"tablespace {_QUOTED} does not exist", "tablespace {} is not here"),
    _rule("access method", rf"access method {_QUOTED} does not exist", "access method {} is not installed here"),
    _rule("text search", r'could not open (?:\S+ )+file "[^"]*?/tsearch_data/([^"]+)"', "text search file {} is not here"),
    _rule("compression", r"compression method (\S+) not supported", "compression {} is not supported here"),
    # A materialized view is filled anew, and may draw on what only the source's server reaches.
    _rule("foreign server", r'could not connect to server "([^"]+)"', "server {} cannot be reached from here"),
    _rule("foreign server", r"could not establish (connection)", "a {} of the source's to another server cannot be made here"),
    _rule("file", r'could not open file "([^"]+)" for reading', "file {} of the source's server is not here"),
    _rule("money", r'invalid input syntax for type (money): "', "amounts of type {} are written the way of another lc_monetary"),
)  # fmt: skip


def classify(errors: str) -> Lack | None:
    """Return what a program's words say is lacking here, None if they say anything else.

    The words are those of PostgreSQL 18 in English; the first error is the one that counts, what follows follows from it.
    """
    found = [(match.start(), rule, match) for rule in _RULES if (match := rule.pattern.search(errors))]
    if not found:
        return None
    _, rule, match = min(found, key=lambda one: one[0])
    return Lack(rule.what, rule.sentence.format(match[1]))


def is_disk_full(errors: str) -> bool:
    """Tell whether a program's words say that the disk is full."""
    return "No space left on device" in errors


def has_crashed(errors: str) -> bool:
    """Tell whether a program's words say that the server was ended, or ran out of memory, rather than that it refused."""
    return any(words in errors for words in _CRASHED)


def depends_on_order(errors: str) -> bool:
    """Tell whether a program's words may come from texts being ordered another way than at the source."""
    return any(words in errors for words in _ORDER)


_CRASHED = (
    "server closed the connection", "connection to server was lost", "terminating connection", "out of memory",
    "out of shared memory", "could not resize shared memory", "in recovery mode", "could not fork", "no connection to the server",
)  # fmt: skip
_ORDER = (
    "violates check constraint", "violates partition constraint", "violates exclusion constraint",
    "partition of relation", "would overlap partition", "empty range bound", "range lower bound must be",
)  # fmt: skip
