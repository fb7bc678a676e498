"""What of an archive is brought back: chosen from its manifest, entry by entry, the same for every run that asks."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from fleetsave.archives.names import encoded
from fleetsave.model.archives import DATABASES, FILES
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.manifests import Entry, EntryType
from fleetsave.sources.files.server_side.patterns import PathPatterns
from fleetsave.sources.sqlite.server_side.ground import RefusedError

ReadEntries = Callable[[], Iterator[Entry]]
"""Begins to read the manifest; it is read several times, since it may be too large to be kept."""

_Place = frozenset[tuple[int, int]]
_TOLD = ("size", "mode", "uid", "gid", "user", "group", "mtime_ns", "sha256", "target", "sparse", "xattrs")
"""What the server is told of an entry, besides its path and type, where it is not nothing."""


@dataclass(frozen=True)
class Choice:
    """One thing to be brought back: `entry` with its path relative to the target, and where its member is.

    `member` is the name in the archive, `offset` and `span` its place in the plain stream; folders on the way to what was chosen,
    which `is_way` tells, are made without one.
    """

    entry: Entry
    member: str
    offset: int
    span: int
    is_way: bool = False

    def line(self) -> bytes:
        """Return the line that tells the server of it."""
        values = {name: value for name in _TOLD if (value := getattr(self.entry, name))}
        values |= {"path": self.entry.path, "type": self.entry.type.value}
        values |= {"way": True} if self.is_way else {"member": self.member}
        return json.dumps(values, sort_keys=True).encode() + b"\n"


@dataclass(frozen=True)
class _Met:
    """A chosen member as the manifest has it, its path relative to the root, and the folders on its way not told yet."""

    whole: Entry
    path: str
    way: list[Choice]


class ArchiveChoice:
    """What is chosen below the member `root` ("" for everything) by patterns relative to it, none meaning all.

    `unmatched` holds the patterns that have matched nothing, once all choices were read. Raise InvalidInputError for a pattern
    that cannot be read.
    """

    def __init__(self, read: ReadEntries, root: str, paths: Sequence[str]) -> None:
        self._read = read
        self._root = root
        self._patterns = [(path, _patterns(path)) for path in paths]
        self.unmatched = list(paths)

    def everything(self) -> Iterator[Entry]:
        """Yield the whole manifest."""
        return self._read()

    def choices(self) -> Iterator[Choice]:
        """Yield what is chosen, each after the folders on its way.

        A hard link whose first name is not chosen comes as that file; other links to it are then links to this one.
        """
        firsts: dict[str, Entry] | None = None
        instead: dict[str, str] = {}
        if not self._root:
            yield from _folders_without_members()
        for met in self._walk():
            yield from met.way
            if met.whole.type is not EntryType.HARDLINK:
                yield _member(met.whole, replace(met.whole, path=met.path))
                continue
            if firsts is None:
                firsts = self._firsts_not_chosen()
            yield self._link(met, firsts, instead)

    def _link(self, met: _Met, firsts: dict[str, Entry], instead: dict[str, str]) -> Choice:
        target, first = met.whole.target, firsts.get(met.whole.target)
        if first is not None and target not in instead:
            instead[target] = met.path
            return _member(first, replace(first, path=met.path))
        leads_to = instead[target] if first is not None else self._relative(target)
        return _member(met.whole, replace(met.whole, path=met.path, target=leads_to))

    def _firsts_not_chosen(self) -> dict[str, Entry]:
        """Return the files, by their members' names, that chosen hard links are other names of, and that are not chosen.

        They are looked for in passes of their own: a file does not tell that it has other names.
        """
        chosen = [met.whole for met in self._walk() if met.whole.type in (EntryType.FILE, EntryType.HARDLINK)]
        wanted = {one.target for one in chosen if one.type is EntryType.HARDLINK} - {one.path for one in chosen}
        return {entry.path: entry for entry in self._read() if entry.path in wanted} if wanted else {}

    def _walk(self) -> Iterator[_Met]:
        """Yield what is chosen below the root, in the archive's order: each lies in a folder that came before it."""
        places: list[list[_Place]] = []
        way: list[Choice | None] = []
        for whole in self._read():
            if whole.type is EntryType.ABSENT or not self._is_below(whole.path):
                continue
            path = self._relative(whole.path)
            if not self._patterns:
                yield _Met(whole, path, [])
                continue
            names = [] if path == "." else encoded(path).split(b"/")
            depth = len(names)
            del places[depth:], way[depth:]
            places += [[] for _ in range(depth - len(places))]  # folders that have no member
            way += [None] * (depth - len(way))
            places.append(self._places(places, names))
            is_chosen = self._is_chosen(places[-1])
            if is_chosen:
                yield _Met(whole, path, [one for one in way if one is not None])
                way = [None] * depth
            is_way = whole.type is EntryType.DIRECTORY and not is_chosen
            way.append(_way(replace(whole, path=path)) if is_way else None)

    def _places(self, places: list[list[_Place]], names: list[bytes]) -> list[_Place]:
        """Return how far each pattern has come with the last of the names."""
        if not names:
            return [patterns.start() for _, patterns in self._patterns]
        return [patterns.below(place, names[-1]) for (_, patterns), place in zip(self._patterns, places[-1], strict=False)]

    def _is_chosen(self, places: list[_Place]) -> bool:
        found = [path for (path, patterns), place in zip(self._patterns, places, strict=False) if patterns.matched(place)]
        self.unmatched = [path for path in self.unmatched if path not in found]
        return bool(found)

    def _is_below(self, path: str) -> bool:
        return not self._root or path == self._root or path.startswith(f"{self._root}/")

    def _relative(self, path: str) -> str:
        return path if not self._root else path[len(self._root) + 1 :] or "."


def _way(entry: Entry) -> Choice:
    return Choice(entry, "", 0, 0, is_way=True)


def _member(whole: Entry, entry: Entry) -> Choice:
    return Choice(entry, whole.path, whole.offset, whole.span)


def _patterns(path: str) -> PathPatterns:
    try:
        return PathPatterns([path])
    except RefusedError as error:
        raise InvalidInputError("read path", repr(path[:200]), error.cause, "Write it as in the fleet file's include.") from None


def _folders_without_members() -> Iterator[Choice]:
    """Yield the folders that an archive has members in but none for, and the one that holds all."""
    for path in (".", DATABASES, FILES):
        yield _way(Entry(path, EntryType.DIRECTORY, mode=0o700))
