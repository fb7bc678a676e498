"""Which processes use a folder, or some files in it, as far as this account can see them."""

import os
import re
from contextlib import suppress

from fleetsave.sources.files.server_side.patterns import PathPatterns


class WantedPaths:
    """What of a folder is meant: these very files, else what patterns match, else all of it; paths relative to the folder."""

    def __init__(self, files: "list[str]", patterns: "list[str]") -> None:
        self.is_all = not files and not patterns
        self._files = {path.encode("utf-8", "surrogateescape") for path in files}
        self._patterns = PathPatterns(patterns)

    def has(self, path: bytes) -> bool:
        """Tell whether a path is meant, or lies in what is."""
        if self.is_all or self._files:
            return self.is_all or path in self._files
        places = self._patterns.start()
        for name in path.split(b"/"):
            places = self._patterns.below(places, name)
            if self._patterns.matched(places):
                return True
        return False


def users_of_tree(root: bytes, wanted: WantedPaths) -> "list[str]":
    """Return `pid 123 (name)` for each process, never our own, that has something of it open, or works in the whole of it."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else []
    return [_named(pid) for pid in sorted(pids) if pid != os.getpid() and _uses(pid, root, wanted)]


def _uses(pid: int, root: bytes, wanted: WantedPaths) -> bool:
    links = [] if not wanted.is_all else [f"/proc/{pid}/cwd", f"/proc/{pid}/root"]
    with suppress(OSError):  # it has ended, or is another user's
        links += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    for link in links:
        with suppress(OSError):
            path = os.readlink(os.fsencode(link))
            if path == root and wanted.is_all:
                return True
            if path.startswith(root + b"/") and wanted.has(path[len(root) + 1 :]):
                return True
    return False


def _named(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            name = re.sub(r"[^ -~]", "?", file.read().decode("utf-8", "replace").strip())
    except OSError:
        name = "unknown"
    return f"pid {pid} ({name})"
