"""The swap by renaming: what is there is moved aside as one set, and a new file takes its place.

Only while nobody has the database open: a program that has it open would go on with a file that has lost its name. Each
step can be repeated, and the marker tells which came last.
"""

import errno
import hashlib
import os
import stat
from typing import Any

from fleetsave.sources.sqlite.server_side.content import CHUNK
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request
from fleetsave.sources.sqlite.server_side.processes import users_of
from fleetsave.sources.sqlite.server_side.target import WHOLE_SET, Target
from fleetsave.sources.sqlite.server_side.workplace import ASIDE, COPY, NEW, NEW_PARTIAL, UNDONE, Workplace, sync_folder


def require_unused(target: Target) -> None:
    """Raise RefusedError, naming them, if processes have the target open."""
    users = users_of(target.files())
    if users:
        raise RefusedError("in_use", f"open by {', '.join(users)}")


def make_new(request: Request, target: Target, place: Workplace, deadline: Deadline) -> "dict[str, Any]":
    """Make the finished file, with mode and owner of the old one, or the folder's owner; return what it is known by."""
    place.discard(NEW_PARTIAL)
    place.discard(NEW)
    digest = hashlib.sha256()
    with open(place.file(COPY), "rb") as copy, open(place.file(NEW_PARTIAL), "wb") as new:
        for block in iter(lambda: copy.read(CHUNK), b""):
            deadline.check()
            digest.update(block)
            new.write(block)
        if digest.hexdigest() != request.sha256:
            place.discard(COPY)
            raise RefusedError("altered_copy", "the copy is no longer what was checked")
        _give_owner(target, new.fileno())
    place.publish(NEW_PARTIAL, NEW)
    status = os.stat(place.file(NEW))
    return {"new": identity_of(place.file(NEW)), "state": [status.st_size, status.st_mtime_ns, 0, 0]}


def _give_owner(target: Target, descriptor: int) -> None:
    try:
        like = os.stat(target.path)
        mode = stat.S_IMODE(like.st_mode)
    except FileNotFoundError:
        like = os.stat(target.folder)
        mode = 0o600 | stat.S_IMODE(like.st_mode) & 0o060  # as shared with the group as the folder is
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, mode)


def identity_of(path: bytes) -> "list[int]":
    """Return device and inode of what is at a path, nothing if nothing is."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return []
    return [status.st_dev, status.st_ino]


def put_new(marker: "dict[str, Any]", target: Target, place: Workplace) -> None:
    """Move what is there aside, and let the new file take its place; nothing that appeared meanwhile is ever replaced."""
    if identity_of(target.path) != marker["new"]:
        if not place.has(NEW):
            raise RefusedError("not_whole", "the new file has gone from where it was put")
        _move_aside(marker, target, place)
        _link(place.file(NEW), target.path)
        sync_folder(target.folder)
    place.discard(NEW)
    sync_folder(place.path)


def _move_aside(marker: "dict[str, Any]", target: Target, place: Workplace) -> None:
    """Move the old set: the database first, for a database without its -wal would lose commits without a word."""
    aside = place.folder(ASIDE)
    if identity_of(target.path) not in ([], marker["old"]):
        raise RefusedError("target_exists", "another file has appeared there while the old one was moved aside")
    for suffix in WHOLE_SET:
        here, there = target.path + suffix, os.path.join(aside, target.name + suffix)
        if os.path.lexists(here):
            _require_absent(there)
            os.rename(here, there)
    sync_folder(aside)
    sync_folder(target.folder)


def take_back_new(target: Target, place: Workplace, marker: "dict[str, Any]") -> None:
    """Move the new file away with what has come beside it. Raise RefusedError if another file stands there."""
    here = identity_of(target.path)
    undone = place.folder(UNDONE)
    if here and here != marker["new"]:
        if here == marker["old"]:
            return  # nothing had been moved yet
        raise RefusedError("target_exists", "what stands there now is neither the old file nor the restored one")
    was_moved = bool(here) or os.path.lexists(os.path.join(undone, target.name))
    for suffix in WHOLE_SET if was_moved else ():
        if os.path.lexists(target.path + suffix):
            os.rename(target.path + suffix, os.path.join(undone, target.name + suffix))
    sync_folder(target.folder)


def put_back_old(target: Target, place: Workplace) -> None:
    """Move the old set back, the database last: it never stands there without its -wal."""
    aside = place.folder(ASIDE)
    for suffix in reversed(WHOLE_SET):
        there = os.path.join(aside, target.name + suffix)
        if os.path.lexists(there):
            _link(there, target.path + suffix)
            os.unlink(there)
    sync_folder(target.folder)
    sync_folder(aside)


def _require_absent(path: bytes) -> None:
    if os.path.lexists(path):
        raise RefusedError("target_exists", f"there are two files that belong at {os.fsdecode(path)}")


def _link(source: bytes, path: bytes) -> None:
    """Give a file its name unless anything has that name: a rename would replace it."""
    try:
        os.link(source, path, follow_symlinks=False)
    except FileExistsError:
        if identity_of(source) != identity_of(path):
            raise RefusedError("target_exists", f"{os.fsdecode(path)} has appeared meanwhile") from None
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise RefusedError("no_hard_links", f"{os.fsdecode(path)}: {error.strerror}") from None
        raise
