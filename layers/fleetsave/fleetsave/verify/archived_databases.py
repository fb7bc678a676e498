"""The databases inside an archive: restored one at a time on our own disk while the archive streams by, and judged there."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from fleetsave.checks import archive_database
from fleetsave.model.manifests import Entry
from fleetsave.model.records import Finding, Level, Outcome
from fleetsave.verify.scratch import require_room

_NAMED = 100
"""Databases whose findings are all kept; a folder may hold one for every player."""


class ArchivedDatabases:
    """Takes each database to a file in `folder`, and collects what its checks find.

    `seconds_left` bounds each one's checks. VerificationError is raised for a database that has no room here, and when the time
    is up.
    """

    def __init__(self, folder: Path, target: str, seconds_left: Callable[[], float]) -> None:
        self._path = folder / "restored.db"
        self._target = target
        self._seconds_left = seconds_left
        self._named = 0
        self._findings: list[Finding] = []
        self._further: Counter[tuple[Outcome, Level | None]] = Counter()
        self._first: dict[tuple[Outcome, Level | None], str] = {}

    def restore(self, entry: Entry, content: Iterator[bytes]) -> Callable[[], None]:
        """Write a database's content to the disk, and return what judges it."""
        require_room(self._path.parent, entry.size, f"{entry.path[:200]!r} of {self._target}")
        with self._path.open("wb") as file:
            for chunk in content:
                file.write(chunk)
        return lambda: self._judge(entry)

    def _judge(self, entry: Entry) -> None:
        findings = archive_database.check(entry, self._path, seconds=self._seconds_left())
        self._path.unlink()
        if self._named < _NAMED:
            self._named += 1
            self._findings += findings
            return
        for finding in findings:
            kind = (finding.outcome, finding.level)
            self._further[kind] += 1
            self._first.setdefault(kind, f"{finding.check}: {finding.detail}"[:500])

    @property
    def findings(self) -> list[Finding]:
        """Return what was found: of the first databases all, of the others how often, and the first of each."""
        return self._findings + [
            Finding("further_databases", outcome, f"{count} checks like: {self._first[outcome, level]}", level)
            for (outcome, level), count in self._further.items()
        ]
