"""The copy becomes the new tree, beside the target; what was unpacked and checked once is not unpacked again."""

import os
import stat
from typing import Any

from fleetsave.sources.files.server_side.tree_expected import expected_entries
from fleetsave.sources.files.server_side.tree_folders import FolderChain
from fleetsave.sources.files.server_side.tree_members import CopyMembers, take_list
from fleetsave.sources.files.server_side.tree_target import TreeRequest, TreeTarget
from fleetsave.sources.files.server_side.tree_unpack import TreeUnpacking
from fleetsave.sources.files.server_side.tree_workplace import EXPECTED, NEW_TREE, TREE_REPORT, TreeWorkplace
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError
from fleetsave.sources.sqlite.server_side.workplace import COPY, COPY_PARTIAL, sync_folder


def check_tree(request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline) -> "dict[str, Any]":
    """Unpack the copy and return the report of the tree; a copy that is not the backup is removed, and is sent anew."""
    with place.held(deadline):
        report = place.read(TREE_REPORT)
        if report is not None and place.has(COPY) and report["sha256"] == request.sha256:
            return report
        if place.has(COPY):  # it was unpacked, and its tree has gone since
            place.discard(COPY)
        if place.size_of(COPY_PARTIAL) != request.size:
            place.discard(COPY_PARTIAL)
            raise RefusedError("altered_copy", f"{request.size} bytes were to come, and not so many are here")
        into = request.chosen and target.exists
        report = dict(_unpacked(request, place, deadline, into=into), into=into)
        if into:
            require_way(request, target, place)
        place.note(TREE_REPORT, report)
        os.rename(place.file(COPY_PARTIAL), place.file(COPY))
        os.truncate(place.file(COPY), 0)  # its name alone is needed from now on, and not its room
        sync_folder(place.path)
        return report


def checked_tree(request: TreeRequest, place: TreeWorkplace) -> "dict[str, Any]":
    """Return the report of the checked tree. Raise RefusedError if there is none, or it is of another choice."""
    report = place.read(TREE_REPORT)
    if report is None or not place.has(COPY) or report["sha256"] != request.sha256:
        raise RefusedError("no_copy", "no checked tree of this backup lies beside the target")
    return report


def require_way(request: TreeRequest, target: TreeTarget, place: TreeWorkplace) -> None:
    """Raise RefusedError if something that is no folder stands in the way of a chosen path, or it would be on another disk.

    What the recovery itself is to move away is no hindrance. Nothing is ever put where a link leads.
    """
    moved = {path.encode("utf-8", "surrogateescape") for path in request.away}
    home = os.lstat(place.path).st_dev
    if not target.is_folder:
        raise RefusedError("in_the_way", "what stands there is no folder that anything could be put into")
    with FolderChain(target.path) as live:
        for entry in expected_entries(place):
            if not entry.is_folder or entry.path in moved:
                continue
            try:
                status = live.status(entry.path)
            except OSError:
                status = None  # what is in the way was met before this, or is moved away
            if status is None:
                continue
            if not stat.S_ISDIR(status.st_mode):
                raise RefusedError("in_the_way", f"{os.fsdecode(entry.path)!r} is no folder on the server, but in the backup")
            if status.st_dev != home:
                raise RefusedError("mount_inside", f"{os.fsdecode(entry.path)!r} is on a file system of its own")


def _unpacked(request: TreeRequest, place: TreeWorkplace, deadline: Deadline, *, into: bool) -> "dict[str, Any]":
    with open(place.file(COPY_PARTIAL), "rb") as copy:
        try:
            offset = take_list(request, copy, place.file(EXPECTED))
        except RefusedError:
            place.discard(COPY_PARTIAL)
            raise
        unpacking = TreeUnpacking(request, place, deadline, into=into)
        unpacking.unpack(CopyMembers(copy, offset))
    # One call for a million files: to sync each by itself takes hours on a disk that turns.
    os.sync()
    if unpacking.entries != request.entries:
        raise RefusedError("altered_copy", f"{unpacking.entries} entries are listed, and {request.entries} were announced")
    return {
        "sha256": request.sha256,
        "size": request.size,
        "entries": unpacking.entries,
        "files": unpacking.files,
        "lacks": unpacking.lacks.counts,
        "tree": os.fsdecode(place.file(NEW_TREE)),
    }
