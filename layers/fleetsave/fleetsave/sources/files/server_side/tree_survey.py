"""What stands where a folder is to be restored, and whether a recovery can work there; nothing is written."""

import os
import platform
from typing import Any

from fleetsave.sources.files.server_side.tree_target import TreeRequest, TreeTarget
from fleetsave.sources.files.server_side.tree_users import WantedPaths, users_of_tree
from fleetsave.sources.files.server_side.tree_workplace import TreeWorkplace
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError
from fleetsave.sources.sqlite.server_side.workplace import MARKER

SPARE_ROOM_FOR_TREES = 16 << 20
ROOM_FOR_ENTRY = 4096
"""What the name and the last block of a file, or a folder, take on a usual file system."""


def survey_tree(request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline) -> "dict[str, Any]":
    """Return everything that is decided by. Raise RefusedError if this account cannot do it at all."""
    if target.is_new and target.exists and not place.has(MARKER):
        raise RefusedError("target_exists", "something is there already, and the fleet file does not name it as a folder")
    state, notes = "missing", []
    if target.exists:
        state = "healthy" if target.is_folder else "foreign"
        notes = [] if target.is_folder else ["what stands there is no folder"]
    if request.chosen and state == "foreign":
        raise RefusedError("in_the_way", "what stands there is no folder that anything could be put into")
    room = os.statvfs(target.folder)
    needed = request.size + request.content_size * 11 // 10 + request.entries * ROOM_FOR_ENTRY + SPARE_ROOM_FOR_TREES
    found = {"target_state": state, "journal_mode": None, "page_size": None, "schema_sha256": None}  # type: dict[str, Any]
    found.update(size=_size_of(target, deadline), notes=notes, runtime=f"python {platform.python_version()}")
    found.update(open_by=users_of_tree(target.path, WantedPaths(request.asked_of, request.paths)) if target.exists else [])
    found.update(room_free=room.f_bavail * room.f_frsize, room_needed=max(0, needed - place.used()))
    return found


def _size_of(target: TreeTarget, deadline: Deadline) -> int:
    if not target.is_folder:
        return 0
    total = 0
    for parent, _, names in os.walk(target.path):
        deadline.check()
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:  # it has just gone
                continue
    return total
