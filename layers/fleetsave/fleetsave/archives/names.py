"""The names in an archive: where they may lie, in which order they come, and which links lead out."""

import re

from fleetsave.model.archives import DATABASES, FILES

_DATABASE = re.compile(rb"[^/]+\.db", re.DOTALL)
_MAXIMUM_ROOTS = 10_000
"""Databases and folders of one server; all that is remembered of an archive's names."""


def encoded(path: str) -> bytes:
    """Return a name as the server's file system has it. Raise ValueError for text that is no such name."""
    return path.encode("utf-8", "surrogateescape")


def printable(path: str) -> str:
    """Return a name as a record can hold it: bytes that are not UTF-8 written out."""
    return path.encode("utf-8", "backslashreplace").decode()


def path_fault(path: str) -> str | None:
    """Return in words why a name may not stand in an archive, None if it may: as `databases/{name}.db` or in `files/{set}`."""
    try:
        names = encoded(path).split(b"/")
    except ValueError:
        return "is no name that a file can have"
    if b"\0" in path.encode("utf-8", "surrogateescape") or any(name in (b"", b".", b"..") for name in names):
        return "leads out of its folder, or is no name that a file can have"
    root, *below = names
    if root == DATABASES.encode() and len(below) == 1 and _DATABASE.fullmatch(below[0]):
        return None
    if root == FILES.encode() and below:
        return None
    return f"lies neither in {FILES}/ nor is it a database of {DATABASES}/"


def leads_out(path: str, target: str) -> bool:
    """Tell whether a symbolic link at `path` says by its words that it leads out of `files/{set}`.

    Words alone cannot tell where a link through other links ends.
    """
    if target.startswith("/"):
        return True
    depth = path.count("/") - 2
    for name in target.split("/"):
        if name == "..":
            depth -= 1
        elif name not in ("", "."):
            depth += 1
        if depth < 0:
            return True
    return False


class Walk:
    """Follows the members in their order: databases first, then folder by folder, names sorted as bytes.

    So nothing comes twice, and everything lies in folders that came before it, never in a link; without keeping the names.
    """

    def __init__(self) -> None:
        self._roots: set[bytes] = set()
        self._last: list[bytes] = []
        self._folder: list[bytes] = []

    def fault(self, path: str, *, is_folder: bool) -> str | None:
        """Return in words why the next member may not have this name, None if it may."""
        fault = path_fault(path)
        if fault is not None:
            return fault
        names = encoded(path).split(b"/")
        if len(names) == 2:
            return self._root_fault(encoded(path), names, is_folder=is_folder)
        parent = names[:-1]
        if self._folder[: len(parent)] != parent:
            return "does not lie in a folder that came just before it"
        if names <= self._last:
            return "comes twice, or not in the order of names"
        self._last = names
        self._folder = names if is_folder else parent
        return None

    def _root_fault(self, path: bytes, names: list[bytes], *, is_folder: bool) -> str | None:
        if path in self._roots:
            return "comes twice"
        if len(self._roots) == _MAXIMUM_ROOTS:
            return f"is more than {_MAXIMUM_ROOTS} databases and folders"
        is_database = names[0] == DATABASES.encode()
        if is_database and self._folder:
            return "is a database after the folders"
        if is_folder is is_database:
            return "is a folder where a database should be, or no folder where one should be"
        self._roots.add(path)
        if is_folder:
            self._last = self._folder = names
        return None
