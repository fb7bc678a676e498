"""The swap and the way back, each of which can be repeated after it was cut off anywhere: the marker says how far it came."""

import os
import time
from typing import Any

from fleetsave.sources.sqlite.server_side.delivery import checked_copy
from fleetsave.sources.sqlite.server_side.exchange import (
    identity_of,
    make_new,
    put_back_old,
    put_new,
    require_unused,
    take_back_new,
)
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request, Source
from fleetsave.sources.sqlite.server_side.in_place import (
    NothingChangedError,
    fit_copy,
    journal_mode_of,
    keep_before,
    write_through,
)
from fleetsave.sources.sqlite.server_side.soundness import require_backup
from fleetsave.sources.sqlite.server_side.survey import require_free_place
from fleetsave.sources.sqlite.server_side.target import Target
from fleetsave.sources.sqlite.server_side.workplace import ASIDE, BEFORE, COPY, MARKER, Workplace

IN_PLACE, SET_ASIDE, PLACE = "in_place", "set_aside", "place"
BEGUN, FINISHED = "begun", "finished"
UNDOING, RETURNING, ROLLED_BACK = "undoing", "returning", "rolled_back"
NOTHING_SWAPPED = "Nothing had been swapped: the target is as it was."


def swap(request: Request, target: Target, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Let the copy take the target's place and return the report; what was finished before is told again."""
    if request.method not in (IN_PLACE, SET_ASIDE, PLACE):
        raise RefusedError("bad_request", f"there is no method {request.method!r}")
    with place.held(deadline):
        marker = place.read(MARKER)
        if marker is not None:
            if marker["phase"] not in (BEGUN, FINISHED):
                raise RefusedError("rolled_back", "this recovery has been taken back")
            if marker["method"] != request.method:
                raise RefusedError("other_method", f"the swap was begun by the method {marker['method']}")
            if marker["phase"] == FINISHED:
                return dict(marker["report"])
        started = time.monotonic()
        if request.method == IN_PLACE:
            marker = _swap_in_place(request, target, place, deadline, marker)
        else:
            marker = _swap_by_renaming(request, target, place, deadline, marker)
        marker["report"]["seconds"] = round(time.monotonic() - started, 6)
        place.note(MARKER, dict(marker, phase=FINISHED))
        return dict(marker["report"])


def _swap_in_place(
    request: Request, target: Target, place: Workplace, deadline: Deadline, begun: "dict[str, Any] | None"
) -> "dict[str, Any]":
    require_backup()
    checked_copy(request, place)
    if not target.exists:
        raise RefusedError("missing", "there is no database any more")
    Source(os.fsdecode(target.path))  # what is no database is refused by name
    mode, page_size = journal_mode_of(target, deadline)
    fit_copy(place.file(COPY), mode, page_size, deadline)
    marker = begun or {"method": IN_PLACE, "phase": BEGUN, "keep_aside": True}
    if begun is None:
        # Never taken again once the live database may have been written: it would be the restored one.
        keep_before(target, place, deadline)
        place.note(MARKER, marker)
    elif not place.has(BEFORE):
        raise RefusedError("before_lost", "what was kept to roll back to has gone")
    try:
        outcome = write_through(place.file(COPY), target, request.checks or {}, deadline)
    except NothingChangedError:
        if begun is None:
            place.discard(MARKER)
        raise
    report = {
        "method": IN_PLACE,
        "fingerprint": outcome["fingerprint"],
        "moved_on": outcome["moved_on"],
        "kept": None,
        "notes": [],
    }
    return dict(marker, report=report, state=outcome["state"])


def _swap_by_renaming(
    request: Request, target: Target, place: Workplace, deadline: Deadline, begun: "dict[str, Any] | None"
) -> "dict[str, Any]":
    checked = checked_copy(request, place)
    marker = begun
    if marker is None:
        _require_renamable(request, target)
        marker = {"method": request.method, "phase": BEGUN, "keep_aside": request.keep_aside}
        marker.update(make_new(request, target, place, deadline), old=identity_of(target.path))
        require_unused(target)
        place.note(MARKER, marker)
    put_new(marker, target, place)
    aside = place.file(ASIDE)
    has_kept = marker["keep_aside"] and bool(os.listdir(aside))
    report = {"method": request.method, "fingerprint": checked["fingerprint"], "moved_on": False, "notes": []}
    report["kept"] = os.fsdecode(aside) if has_kept else None
    return dict(marker, report=report)


def _require_renamable(request: Request, target: Target) -> None:
    require_free_place(target)
    if request.method == PLACE and target.exists:
        raise RefusedError("target_exists", "something is there, and this method replaces nothing")
    require_unused(target)


def roll_back(target: Target, place: Workplace, deadline: Deadline) -> str:
    """Bring back what the swap replaced, and say so in a sentence; what was rolled back before is told again."""
    if not place.exists:
        return NOTHING_SWAPPED
    with place.held(deadline):
        marker = place.read(MARKER)
        if marker is None:
            return NOTHING_SWAPPED
        if marker["phase"] != ROLLED_BACK:
            if marker["method"] == IN_PLACE:
                sentence = _undo_in_place(target, place, deadline, marker)
            else:
                sentence = _undo_renaming(target, place, marker)
            marker = dict(marker, phase=ROLLED_BACK, sentence=sentence)
            place.note(MARKER, marker)
        return str(marker["sentence"])


def _undo_in_place(target: Target, place: Workplace, deadline: Deadline, marker: "dict[str, Any]") -> str:
    if not place.has(BEFORE):
        raise RefusedError("before_lost", "what was kept to roll back to has gone")
    if not target.exists:
        raise RefusedError("missing", "there is no database any more that could be rolled back")
    place.note(MARKER, dict(marker, phase=UNDOING))
    mode, page_size = journal_mode_of(target, deadline)
    fit_copy(place.file(BEFORE), mode, page_size, deadline)
    write_through(place.file(BEFORE), target, {}, deadline)
    return "The database is again as it was right before the swap, in one transaction; what was written since is gone."


def _undo_renaming(target: Target, place: Workplace, marker: "dict[str, Any]") -> str:
    if marker["phase"] != RETURNING:
        require_unused(target)
        place.note(MARKER, dict(marker, phase=UNDOING))
        take_back_new(target, place, marker)
        place.note(MARKER, dict(marker, phase=RETURNING))
    put_back_old(target, place)
    return "The restored file has been taken away, and what stood there before stands there again."


def clean_up(place: Workplace, deadline: Deadline) -> bool:
    """Remove everything of this recovery but what was set aside to be kept, and tell whether such a set stays.

    Raise RefusedError while a swap is half-way: what was there may be nowhere else.
    """
    if not place.exists:
        return False
    with place.held(deadline):
        marker = place.read(MARKER)
        if marker is not None and marker["phase"] not in (FINISHED, ROLLED_BACK):
            raise RefusedError("unfinished", "the swap was begun, and neither finished nor rolled back")
        keep = marker is None or marker["phase"] != FINISHED or marker["keep_aside"]
        place.remove(keep=ASIDE if keep else "")
        return place.exists
