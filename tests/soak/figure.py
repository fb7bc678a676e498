"""One published figure: which record it is, what was asked of it, and the command that sees it again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Seen = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """One row: the newest record of `name` whose figures include `where`; `shows` are those to print."""

    what: str
    asked: str
    name: str
    test: str
    shows: Sequence[str]
    is_met: Callable[[Seen], bool]
    where: Seen = field(default_factory=dict)

    @property
    def command(self) -> str:
        """Return what a person types to see the figure again."""
        return f".venv/bin/pytest -m soak --timeout 0 tests/soak/{self.test}"

    def matches(self, record: Seen) -> bool:
        """Tell whether a record is of this figure."""
        figures = record["figures"]
        return bool(record["name"] == self.name and all(figures.get(name) == value for name, value in self.where.items()))
