"""Which processes use a folder, or some files in it, as far as this account can see them."""

import os
import re
from contextlib import suppress

from fleetsave.sources.files.server_side.patterns import PathPatterns


def users_of_tree(root: bytes, patterns: "list[str]") -> "list[str]":
    """Return `pid 123 (name)` for each process, never our own, that has something open below a folder, or works in it.

    With patterns, only what they match counts, and nobody is asked where he works.
    """
    wanted = PathPatterns(patterns) if patterns else None
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else []
    return [_named(pid) for pid in sorted(pids) if pid != os.getpid() and _uses(pid, root, wanted)]


def is_wanted(path: bytes, wanted: PathPatterns) -> bool:
    """Tell whether a path relative to the folder is matched, or lies in what is matched."""
    places = wanted.start()
    for name in path.split(b"/"):
        places = wanted.below(places, name)
        if wanted.matched(places):
            return True
    return False


def _uses(pid: int, root: bytes, wanted: "PathPatterns | None") -> bool:
    links = [] if wanted else [f"/proc/{pid}/cwd", f"/proc/{pid}/root"]
    with suppress(OSError):  # it has ended, or is another user's
        links += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    for link in links:
        with suppress(OSError):
            path = os.readlink(os.fsencode(link))
            if path == root and wanted is None:
                return True
            if path.startswith(root + b"/") and (wanted is None or is_wanted(path[len(root) + 1 :], wanted)):
                return True
    return False


def _named(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            name = re.sub(r"[^ -~]", "?", file.read().decode("utf-8", "replace").strip())
    except OSError:
        name = "unknown"
    return f"pid {pid} ({name})"
