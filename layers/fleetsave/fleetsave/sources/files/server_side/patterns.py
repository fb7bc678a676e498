"""Which paths of a tree are wanted: patterns, followed name by name on the way down."""

import fnmatch
import re

from fleetsave.sources.sqlite.server_side.ground import RefusedError


class PathPatterns:
    """Patterns relative to a tree: `*`, `?` and `[...]` match within one name, `**` any number of folders.

    What matches a folder means all that is in it. How far a path has come are its places: numbers of patterns,
    each with how many of its names are matched. Raise RefusedError for a pattern that cannot be read.
    """

    def __init__(self, patterns: "list[str]") -> None:
        self._patterns = [[_name_pattern(name) for name in pattern.split("/")] for pattern in patterns]

    def start(self) -> "frozenset[tuple[int, int]]":
        """Return where the tree's own folder stands."""
        return self._with_skipped({(number, 0) for number in range(len(self._patterns))})

    def below(self, places: "frozenset[tuple[int, int]]", name: bytes) -> "frozenset[tuple[int, int]]":
        """Return where something stands that is called `name`, in a folder at `places`; nowhere if nothing there can match."""
        if self.matched(places):
            return places
        text = name.decode("utf-8", "surrogateescape")
        reached = set()
        for number, position in places:
            names = self._patterns[number]
            wanted = names[position]
            if wanted is None:
                reached.add((number, position + 1 if position == len(names) - 1 else position))
            elif wanted.match(text):
                reached.add((number, position + 1))
        return self._with_skipped(reached)

    def matched(self, places: "frozenset[tuple[int, int]]") -> bool:
        """Tell whether a pattern has been matched to its end."""
        return any(position == len(self._patterns[number]) for number, position in places)

    def _with_skipped(self, places: "set[tuple[int, int]]") -> "frozenset[tuple[int, int]]":
        """Add what is reached by letting a `**` stand for no folder; at a pattern's end it stands for something in one."""
        for number, position in list(places):
            names = self._patterns[number]
            reached = position
            while reached < len(names) - 1 and names[reached] is None:
                reached += 1
                places.add((number, reached))
        return frozenset(places)


class PathFilter:
    """What of a tree is archived: what `include` matches, but for what `exclude` matches."""

    def __init__(self, include: "list[str]", exclude: "list[str]") -> None:
        self._include = PathPatterns(include)
        self._exclude = PathPatterns(exclude)

    def start(self) -> "tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]":
        """Return where the tree's own folder stands."""
        return self._include.start(), self._exclude.start()

    def below(
        self, place: "tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]", name: bytes
    ) -> "tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]] | None":
        """Return where something in a folder stands, None if neither it nor anything in it is wanted."""
        included = self._include.below(place[0], name)
        excluded = self._exclude.below(place[1], name)
        return None if not included or self._exclude.matched(excluded) else (included, excluded)

    def takes(self, place: "tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]") -> bool:
        """Tell whether what stands there is wanted itself; else it may be a folder on the way to what is."""
        return self._include.matched(place[0])


def _name_pattern(name: str) -> "re.Pattern[str] | None":
    if name == "**":
        return None
    try:
        return re.compile(fnmatch.translate(name))
    except re.error as error:
        raise RefusedError("bad_pattern", f"{name!r}: {error}") from None
