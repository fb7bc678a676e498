"""The requests of a recovery, each by its name."""

import os
import sqlite3
from typing import Any, BinaryIO

from fleetsave.sources.sqlite.server_side.delivery import check_copy, receive, received
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request, Source, explain
from fleetsave.sources.sqlite.server_side.proof import verify
from fleetsave.sources.sqlite.server_side.survey import survey
from fleetsave.sources.sqlite.server_side.swap import clean_up, roll_back, swap
from fleetsave.sources.sqlite.server_side.target import Target
from fleetsave.sources.sqlite.server_side.workplace import Workplace

RESTORE = "restore_"
"""What the operations of a recovery begin with."""
LEAST_ROOM = 64 << 10


def recover(request: Request, deadline: Deadline, stdin: Any, stdout: BinaryIO) -> object:
    """Do what a request of a recovery asks."""
    target = Target(request)
    try:
        return _recover(request, target, deadline, stdin, stdout)
    except sqlite3.Error as error:
        refused = explain(error, _source_of(target))
        if refused.reason == "io_error" and _is_full(target):
            refused = RefusedError("disk_full", f"{refused.cause}, and the disk is full")
        raise refused from None


def _recover(request: Request, target: Target, deadline: Deadline, stdin: Any, stdout: BinaryIO) -> object:
    place, operation = Workplace(request, target), request.operation[len(RESTORE) :]
    if operation == "survey":
        return survey(request, target, place, deadline)
    if operation == "received":
        return {"received": received(request, place)}
    if operation == "receive":
        return receive(request, place, deadline, stdin, stdout)
    if operation == "check":
        return check_copy(request, place, deadline)
    if operation == "verify":
        return verify(request, target, place, deadline)
    return _change(request, target, place, deadline)


def _change(request: Request, target: Target, place: Workplace, deadline: Deadline) -> object:
    operation = request.operation[len(RESTORE) :]
    if operation == "swap":
        return swap(request, target, place, deadline)
    if operation == "roll_back":
        return {"sentence": roll_back(target, place, deadline)}
    if operation == "clean_up":
        return {"left": clean_up(place, deadline)}
    raise RefusedError("bad_request", f"there is no operation {request.operation!r}")


def _is_full(target: Target) -> bool:
    """Tell whether there is no room for a -shm: SQLite calls that an I/O error."""
    room = os.statvfs(target.folder)
    return room.f_bavail * room.f_frsize < LEAST_ROOM


def _source_of(target: Target) -> "Source | None":
    """Return the database that SQLite complained of, if it can be looked at; by now nothing has it open here."""
    try:
        return Source(os.fsdecode(target.path))
    except (OSError, RefusedError):
        return None
