"""The swap of trees and the way back, each of which can be repeated after it was cut off: the marker says how far it came."""

import os
import time
from typing import Any

from fleetsave.sources.files.server_side.tree_check import checked_tree
from fleetsave.sources.files.server_side.tree_chosen import ChosenPaths, missing_folders, times_of_folders
from fleetsave.sources.files.server_side.tree_exchange import put_back_tree, put_tree, take_back_tree
from fleetsave.sources.files.server_side.tree_target import TreeRequest, TreeTarget
from fleetsave.sources.files.server_side.tree_users import WantedPaths, users_of_tree
from fleetsave.sources.files.server_side.tree_workplace import NEW_TREE, TreeWorkplace
from fleetsave.sources.sqlite.server_side.exchange import identity_of
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError
from fleetsave.sources.sqlite.server_side.workplace import ASIDE, MARKER

TREE_SET_ASIDE, TREE_PLACE = "set_aside", "place"
TREE_BEGUN, TREE_FINISHED = "begun", "finished"
TREE_UNDOING, TREE_RETURNING, TREE_ROLLED_BACK = "undoing", "returning", "rolled_back"
NO_TREE_SWAPPED = "Nothing had been swapped: the target is as it was."


def swap_tree(request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline) -> "dict[str, Any]":
    """Let the new tree, or what was chosen, take its place and return the report; what was finished before is told again."""
    if request.method not in (TREE_SET_ASIDE, TREE_PLACE):
        raise RefusedError("bad_request", f"there is no method {request.method!r}")
    with place.held(deadline):
        checked = checked_tree(request, place)
        marker = place.read(MARKER)
        if marker is None:
            marker = _begin_swap_of_tree(request, target, place, checked)
            place.note(MARKER, marker)
        if marker["phase"] not in (TREE_BEGUN, TREE_FINISHED):
            raise RefusedError("rolled_back", "this recovery has been taken back")
        if marker["method"] != request.method:
            raise RefusedError("other_method", f"the swap was begun by the method {marker['method']}")
        if marker["phase"] == TREE_FINISHED:
            return dict(marker["report"])
        started = time.monotonic()
        if marker["into"]:
            ChosenPaths(request, target, place, deadline, marker).put()
        else:
            put_tree(marker, target, place)
        report = {"method": request.method, "fingerprint": None, "moved_on": False, "notes": []}  # type: dict[str, Any]
        has_kept = bool(os.listdir(place.folder(ASIDE)))
        report.update(kept=os.fsdecode(place.file(ASIDE)) if has_kept else None, seconds=round(time.monotonic() - started, 6))
        place.note(MARKER, dict(marker, phase=TREE_FINISHED, report=report))
        return report


def _begin_swap_of_tree(
    request: TreeRequest, target: TreeTarget, place: TreeWorkplace, checked: "dict[str, Any]"
) -> "dict[str, Any]":
    if request.method == TREE_PLACE and target.exists:
        raise RefusedError("target_exists", "something is there, and this method replaces nothing")
    if not place.has(NEW_TREE):
        raise RefusedError("not_whole", "the new tree has gone from where it was made")
    users = users_of_tree(target.path, WantedPaths(request.asked_of, request.paths)) if target.exists else []
    if users:
        raise RefusedError("in_use", f"open by {', '.join(users)}")
    marker = {"method": request.method, "phase": TREE_BEGUN, "into": checked["into"]}  # type: dict[str, Any]
    marker.update(new=identity_of(place.file(NEW_TREE)), old=identity_of(target.path), folders=[], times={})
    if checked["into"]:
        marker["folders"] = missing_folders(request, target, place)
        marker["times"] = times_of_folders(request, target, place)
    return marker


def roll_back_tree(request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline) -> str:
    """Bring back what the swap replaced, and say so in a sentence; what was rolled back before is told again."""
    if not place.exists:
        return NO_TREE_SWAPPED
    with place.held(deadline):
        marker = place.read(MARKER)
        if marker is None:
            return NO_TREE_SWAPPED
        if marker["phase"] != TREE_ROLLED_BACK:
            sentence = _undo_tree(request, target, place, deadline, marker)
            marker = dict(marker, phase=TREE_ROLLED_BACK, sentence=sentence)
            place.note(MARKER, marker)
        return str(marker["sentence"])


def _undo_tree(
    request: TreeRequest, target: TreeTarget, place: TreeWorkplace, deadline: Deadline, marker: "dict[str, Any]"
) -> str:
    chosen = ChosenPaths(request, target, place, deadline, marker) if marker["into"] else None
    if marker["phase"] != TREE_RETURNING:
        place.note(MARKER, dict(marker, phase=TREE_UNDOING))
        if chosen is not None:
            chosen.take_back()
        else:
            take_back_tree(marker, target, place)
        place.note(MARKER, dict(marker, phase=TREE_RETURNING))
    if chosen is not None:
        chosen.put_back()
        return "The restored files have been taken away, and what stood there before stands there again."
    put_back_tree(target, place)
    return "The restored folder has been taken away, and what stood there before stands there again."


def clean_up_tree(place: TreeWorkplace, deadline: Deadline) -> bool:
    """Remove everything of this recovery but what was set aside, and tell whether that stays.

    What was set aside is kept: a folder may hold what no backup of it has. Raise RefusedError while a swap is half-way.
    """
    if not place.exists:
        return False
    with place.held(deadline):
        marker = place.read(MARKER)
        if marker is not None and marker["phase"] not in (TREE_FINISHED, TREE_ROLLED_BACK):
            raise RefusedError("unfinished", "the swap was begun, and neither finished nor rolled back")
        place.remove(keep=ASIDE)
        return place.exists
