"""The proof that the restored database is sound where it lives, with the programs that use it running."""

import os
import sqlite3
from contextlib import closing
from typing import Any

from fleetsave.sources.sqlite.server_side.delivery import checked_copy
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request, Source, connect
from fleetsave.sources.sqlite.server_side.soundness import AS_IT_LIES, READ_ONLY, examine, way_to_look
from fleetsave.sources.sqlite.server_side.target import Target
from fleetsave.sources.sqlite.server_side.workplace import MARKER, Workplace


def verify(request: Request, target: Target, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Examine the live database, and tell what the copy holds and whether anybody has written since the swap.

    `written` is false only if the files are exactly those whose content the swap compared: then every difference is a fault.
    """
    expected = checked_copy(request, place)["fingerprint"]
    found = _examine_live(request, target, deadline)
    marker = place.read(MARKER) or {}
    written = marker.get("report", {}).get("moved_on", True) or target.state() != marker.get("state")
    return dict(found, expected=expected, written=written)


def _examine_live(request: Request, target: Target, deadline: Deadline) -> "dict[str, Any]":
    try:
        Source(os.fsdecode(target.path))
    except FileNotFoundError:
        return {"integrity": "failed", "detail": "there is no database any more", "fingerprint": None}
    except RefusedError as error:
        if error.reason not in ("empty", "not_a_database"):
            raise
        return {"integrity": "failed", "detail": error.cause, "fingerprint": None}
    before, options = target.state(), way_to_look(target.path)
    try:
        found = _examine_by(options, request, target, deadline)
    except sqlite3.Error:
        if options != AS_IT_LIES or target.state() == before:
            raise
        return _examine_by(READ_ONLY, request, target, deadline)
    if options == AS_IT_LIES and target.state() != before:  # a program has opened it meanwhile
        return _examine_by(READ_ONLY, request, target, deadline)
    return found


def _examine_by(options: str, request: Request, target: Target, deadline: Deadline) -> "dict[str, Any]":
    with closing(connect(target.path, deadline, options)) as connection:
        return examine(connection, request.checks or {}, deadline)
