"""Does the restored copy, dumped again, give the very text that the source gave?"""

import re
from collections.abc import Iterator

from fleetsave.checks import dump_text
from fleetsave.checks.dump_text import HEAD_SIZE, TextRead, block_differences
from fleetsave.checks.postgres_database import RestoredDump, guarded
from fleetsave.model.records import Finding, Level, Outcome
from fleetsave.postgres.encodings import codec
from fleetsave.postgres.programs import MAJOR

_NAMED = 5
_VERSIONS = re.compile(rb"^-- Dumped (?:from database|by pg_dump) version [^\n]*\n", re.MULTILINE)
_MONEY = """
SELECT DISTINCT n.nspname || '.' || c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.atttypid IN (790, 791) AND c.relkind = 'r' AND NOT a.attisdropped"""


def check(restored: RestoredDump, original: TextRead) -> list[Finding]:
    """Dump the copy with the source's key and settings, and compare: data always, definitions as far as versions let it.

    `original` is the text of the backup, which has been found to be the one recorded.
    """
    return [guarded("round_trip", Level.EQUAL_TO_SOURCE, lambda: _compare(restored, original))]


def _compare(restored: RestoredDump, original: TextRead) -> Finding:
    chunks = _with_versions_of(original.head, restored.dumped_again())
    again = dump_text.read(chunks, codec(restored.report.database.encoding))
    if not again.is_complete:
        return _finding(Outcome.FAILED, "the copy's dump does not end as a whole dump does")
    if again.text.sha256 == original.text.sha256:
        return _finding(Outcome.PASSED, f"dumped again, the copy gives the same {again.text.size} bytes, but for versions")
    differing = block_differences(original.text, again.text)
    if differing:
        return _data_differ(differing, restored)
    return _definitions_differ(original, again, restored.report.server_major)


def _definitions_differ(original: TextRead, again: TextRead, major: int) -> Finding:
    """Judge definitions that are not the same text: another major may write them in other words, of the same objects."""
    told = f"the data of all {len(again.text.blocks)} tables are the same"
    inventory = _inventory(original, again)
    if inventory is not None:
        return _finding(Outcome.FAILED, f"{told}; {inventory}")
    if again.text.schema_sha256 == original.text.schema_sha256:
        return _finding(Outcome.PASSED, f"{told}, and the definitions too")
    if major == MAJOR:
        return _finding(Outcome.FAILED, f"{told}, but the definitions are not")
    detail = f"{told}, and so are {len(again.objects)} objects, which PostgreSQL {MAJOR} writes in other words than {major}"
    return _finding(Outcome.PASSED, detail)


def _data_differ(differing: list[str], restored: RestoredDump) -> Finding:
    said = "; ".join(differing)
    money = restored.query(_MONEY)
    if money:
        detail = f"{said}; amounts of type money are written the way of the source's lc_monetary, which is not known here"
        return _finding(Outcome.INCONCLUSIVE, detail)
    return _finding(Outcome.FAILED, f"in the copy, {said}")


def _inventory(original: TextRead, again: TextRead) -> str | None:
    """Return in words which objects are in one dump alone; None if both have the same."""
    sides = (("missing", original.objects - again.objects), ("new", again.objects - original.objects))
    told = [f"{what}: {_names(objects)}" for what, objects in sides if objects]
    return "; ".join(told) or None


def _names(objects: frozenset[str]) -> str:
    more = f" and {len(objects) - _NAMED} more" if len(objects) > _NAMED else ""
    return ", ".join(name.removeprefix("-- ")[:120] for name in sorted(objects)[:_NAMED]) + more


def _with_versions_of(head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a text with the lines of its own versions replaced by those of another text's beginning."""
    beginning = b""
    for chunk in chunks:
        beginning += chunk
        if len(beginning) >= HEAD_SIZE:
            break
    lines = iter(_VERSIONS.findall(head))
    yield _VERSIONS.sub(lambda found: next(lines, found[0]), beginning, count=2)
    yield from chunks


def _finding(outcome: Outcome, detail: str) -> Finding:
    return Finding("round_trip", outcome, detail, Level.EQUAL_TO_SOURCE)
