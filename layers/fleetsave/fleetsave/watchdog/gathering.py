"""What the places of a look came to, put together: never more than a few words of each."""

from collections.abc import Iterator

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Kind
from fleetsave.model.watch import ArtifactWatch, Problem
from fleetsave.watchdog import problems
from fleetsave.watchdog.beginning import Beginning
from fleetsave.watchdog.look import Seen, Tally, name_of
from fleetsave.watchdog.remedies import Remedies


class Gathering:
    """Everything seen so far in one look.

    `carried`, `stored_bytes` and `longterm` are what is remembered, of this look or an earlier one.
    """

    def __init__(self, begun: Beginning) -> None:
        self._now = begun.look.now
        self._problems = list(begun.problems)
        self._unlisted = {server_id: [error] for server_id, error in begun.found.unlisted.items()}
        self.artifacts: list[ArtifactWatch] = []
        self.remedies = Remedies()
        self.tallies: dict[Kind, Tally] = {}
        there, asked = {name_of(place) for place in begun.found.places}, set(begun.found.foreign)
        memory = begun.memory
        names = (*memory.carried, *memory.stored_bytes, *memory.longterm)
        still_there = {name for name in names if name in there or _server_of(name) not in asked}
        self.carried = {name: list(one) for name, one in memory.carried.items() if name in still_there}
        self.stored_bytes = {name: size for name, size in memory.stored_bytes.items() if name in still_there}
        self.longterm = {name: known for name, known in memory.longterm.items() if name in still_there}
        for server_id, errors in begun.found.foreign.items():
            if errors:
                found = [problems.not_understood(server_id, error, self._now) for error in errors]
                self.carried[f"{server_id}/"] = found

    def add(self, seen: Seen) -> None:
        """Take in what was seen at one place."""
        name = name_of(seen.place)
        self.artifacts += seen.artifacts
        self._problems += seen.problems
        self.remedies.merge(seen.remedies)
        self.tallies.setdefault(seen.place[1], Tally()).add(seen.tally)
        if seen.unlisted is not None:
            self._unlisted.setdefault(seen.place[0], []).append(seen.unlisted)
        if seen.compared is not None:
            kept = [one for one in self.carried.get(name, ()) if _was_not_compared(one, seen)]
            self.carried[name] = [*kept, *seen.compared]
            if not self.carried[name]:
                del self.carried[name]
        if seen.stored_bytes is not None:
            self.stored_bytes[name] = seen.stored_bytes
        if seen.longterm is not None and seen.unlisted is None:
            self.longterm[name] = seen.longterm

    def all_problems(self) -> Iterator[Problem]:
        """Yield what is wrong, in no set order, what earlier comparisons have shown among it."""
        yield from self._problems
        for server_id, errors in self._unlisted.items():
            yield problems.unlisted(server_id, errors, self._now)
        for found in self.carried.values():
            yield from found


def _server_of(name: str) -> str:
    return name.partition("/")[0]


def _was_not_compared(problem: Problem, seen: Seen) -> bool:
    """Tell whether a problem that was seen earlier is of the time before this comparison began, or of what it did not look at."""
    if seen.compared_since is None:
        return False
    try:
        return BackupKey.parse(problem.key or "").slot < seen.compared_since
    except InvalidInputError:
        return not seen.is_deep
