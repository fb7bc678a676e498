"""Which files a pattern means: matched here, so that no remote shell's habits and no file name can change it."""

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from stat import S_ISDIR, S_ISLNK, S_ISREG

_MAGIC = re.compile(r"[*?\[]")

Entries = Callable[[str], Iterable[tuple[str, int]]]
"""Return the names in a folder with the mode of each itself (0 if unknown); nothing if it is missing or no folder."""

IsRegular = Callable[[str], bool]
"""Tell whether a path is a regular file, following links."""


def matching_files(pattern: str, entries: Entries, is_regular: IsRegular) -> list[str]:
    """Return the regular files, links to such included, that match an absolute pattern, sorted.

    `*`, `?` and `[...]` match within one name; a name that begins with a dot only where the pattern writes the dot.
    """
    found = [""]
    names = [name for name in pattern.split("/") if name]
    for depth, name in enumerate(names, start=1):
        last = depth == len(names)
        if _MAGIC.search(name):
            found = [path for folder in found for path in _matches(folder, name, entries, is_regular, last=last)]
        else:
            found = [f"{folder}/{name}" for folder in found]
            if last:
                found = [path for path in found if is_regular(path)]
    return sorted(found)


def _matches(folder: str, pattern: str, entries: Entries, is_regular: IsRegular, *, last: bool) -> Iterator[str]:
    for name, mode in entries(folder or "/"):
        if name in (".", "..") or (name.startswith(".") and not pattern.startswith(".")) or not fnmatchcase(name, pattern):
            continue
        path = f"{folder}/{name}"
        if last:
            if S_ISREG(mode) or ((not mode or S_ISLNK(mode)) and is_regular(path)):
                yield path
        elif not mode or S_ISDIR(mode) or S_ISLNK(mode):
            yield path
