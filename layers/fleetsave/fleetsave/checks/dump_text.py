"""Is the text of a dump whole, and does it hold what it held when it was written?"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fleetsave.model.dumps import DumpReport, DumpText
from fleetsave.model.records import Finding, Level, Outcome
from fleetsave.postgres.dump_text import DumpTextReader

HEAD_SIZE = 4 << 10
"""Bytes of its beginning that are kept: the versions stand there."""

_NAMED = 5
_COLLATION = re.compile(rb'COLLATE (?:pg_catalog\.)?"([A-Za-z0-9_.@-]{1,63})"')
_LONGEST_MATCH = 100
_COLLATIONS = 100


@dataclass(frozen=True)
class TextRead:
    """What reading a text came to.

    `objects` is what the dump says it holds, `collations` those of the system that it names, `head` its beginning.
    """

    text: DumpText
    is_complete: bool
    objects: frozenset[str]
    collations: frozenset[str]
    head: bytes


def read(chunks: Iterator[bytes], codec: str) -> TextRead:
    """Read a text to its end, in memory that does not grow with its size; `codec` is that of its names."""
    reader = DumpTextReader(codec)
    head = b""
    tail = b""
    collations: set[str] = set()
    for chunk in chunks:
        reader.feed(chunk)
        if len(head) < HEAD_SIZE:
            head = (head + chunk)[:HEAD_SIZE]
        if len(collations) < _COLLATIONS:  # a table may hold as many of them as somebody likes
            collations.update(match[1].decode() for match in _COLLATION.finditer(tail + chunk))
        tail = (tail + chunk[-_LONGEST_MATCH:])[-_LONGEST_MATCH:]
    return TextRead(reader.result(), reader.is_complete, frozenset(reader.objects), frozenset(collations), head)


def check(report: DumpReport, read_back: TextRead) -> list[Finding]:
    """Compare the text that was read with what was recorded of it."""
    fault = _fault(report.text, read_back)
    if fault is not None:
        return [Finding("dump_text", Outcome.FAILED, fault, Level.COMPLETE)]
    text = read_back.text
    rows = sum(block.rows for block in text.blocks.values())
    detail = f"{text.size} bytes to their end, {rows} rows in {len(text.blocks)} tables, each table's sha256 equal"
    return [Finding("dump_text", Outcome.PASSED, detail, Level.COMPLETE)]


def block_differences(expected: DumpText, found: DumpText) -> list[str]:
    """Return in words which tables' data differ, the first of them by name."""
    differing = []
    for name in sorted(expected.blocks.keys() | found.blocks.keys()):
        before, after = expected.blocks.get(name), found.blocks.get(name)
        if before == after:
            continue
        if before is None or after is None:
            differing.append(f"{name[:100]} {'is new' if before is None else 'is missing'}")
        elif before.rows != after.rows:
            differing.append(f"{name[:100]} has {after.rows} rows, not {before.rows}")
        else:
            differing.append(f"{name[:100]} has other values in its {after.rows} rows")
    more = [f"and {len(differing) - _NAMED} more"] if len(differing) > _NAMED else []
    return differing[:_NAMED] + more


def _fault(expected: DumpText, read_back: TextRead) -> str | None:
    found = read_back.text
    differing = block_differences(expected, found)
    if found.size != expected.size:
        differing.append(f"{found.size} bytes of text, {expected.size} were written")
    elif not differing and found.schema_sha256 != expected.schema_sha256:
        differing.append("the definitions are not those that were written")
    elif not differing and found.sha256 != expected.sha256:
        differing.append(f"sha256 of the text is {found.sha256}, {expected.sha256} was written")
    if not read_back.is_complete:
        differing.append("it does not end as a whole dump does")
    return "; ".join(differing) or None
