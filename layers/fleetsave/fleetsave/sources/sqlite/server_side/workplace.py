"""The folder beside the target that holds everything of one recovery: the copy, what was there, and how far the swap is."""

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request
from fleetsave.sources.sqlite.server_side.private import locked_folder, make_private, require_private
from fleetsave.sources.sqlite.server_side.target import SIDECARS, Target

COPY_PARTIAL, COPY, COPY_REPORT = "copy.partial", "copy.db", "copy.json"
BEFORE_PARTIAL, BEFORE = "before.partial", "before.db"
NEW_PARTIAL, NEW = "new.partial", "new.db"
ASIDE, UNDONE = "aside", "undone"
MARKER = "swap.json"


class Workplace:
    """`<folder of the target>/.fleetsave-<recovery id>`. Raise RefusedError if anything but a folder of ours is there."""

    def __init__(self, request: Request, target: Target) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}\.[0-9]{6}", request.recovery):
            raise RefusedError("bad_request", f"{request.recovery!r} is no id of a recovery")
        self.path = os.path.join(target.folder, b".fleetsave-" + request.recovery.encode())
        if self.exists:
            self._require_ours()

    @property
    def exists(self) -> bool:
        """Tell whether anything of the recovery is here."""
        return os.path.lexists(self.path)

    @contextmanager
    def held(self, deadline: Deadline) -> "Iterator[None]":
        """Make the folder if need be, and keep every other process of this recovery out of it."""
        while True:
            make_private(self.path, "no_permission")
            self._require_ours()
            with locked_folder(self.path, deadline, "another process is at work on this recovery in") as descriptor:
                # The one before us may have removed it while we waited; then what we hold is no folder any more.
                if self._is(descriptor):
                    yield
                    return
            deadline.check()

    def _is(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.lstat(self.path))
        except FileNotFoundError:
            return False

    def file(self, name: str) -> bytes:
        """Return the path of one of the files."""
        return os.path.join(self.path, name.encode())

    def folder(self, name: str) -> bytes:
        """Make one of the folders, if need be, and return its path."""
        make_private(self.file(name), "no_permission")
        require_private(self.file(name), 0o077, "unsafe_folder")
        return self.file(name)

    def has(self, name: str) -> bool:
        """Tell whether a file is here."""
        return os.path.lexists(self.file(name))

    def size_of(self, name: str) -> int:
        """Return the size of a file, 0 if it is not here."""
        try:
            return os.stat(self.file(name)).st_size
        except FileNotFoundError:
            return 0

    def used(self) -> int:
        """Return how many bytes the files here have."""
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(self.path)) if self.exists else 0

    def read(self, name: str) -> "dict[str, Any] | None":
        """Return what was noted under a name, None if nothing was."""
        try:
            with open(self.file(name), "rb") as file:
                noted = json.loads(file.read().decode())
        except FileNotFoundError:
            return None
        return dict(noted)

    def note(self, name: str, values: "dict[str, Any]") -> None:
        """Write something down so that it is there whole, or not at all, whatever happens."""
        with open(self.file(name + ".new"), "wb") as file:
            file.write(json.dumps(values).encode())
            file.flush()
            os.fsync(file.fileno())
        os.rename(self.file(name + ".new"), self.file(name))
        sync_folder(self.path)

    def publish(self, partial: str, name: str) -> None:
        """Give a finished file its name, for good."""
        with open(self.file(partial), "rb") as file:
            os.fsync(file.fileno())
        os.rename(self.file(partial), self.file(name))
        sync_folder(self.path)

    def discard(self, name: str) -> None:
        """Remove a file, and what SQLite may have put beside it."""
        for suffix in (b"", *SIDECARS):
            with suppress(FileNotFoundError):
                os.unlink(self.file(name) + suffix)

    def remove(self, keep: str) -> None:
        """Remove everything but the folder `keep`, and the workplace too if that is empty; the marker goes last."""
        for entry in sorted(os.scandir(self.path), key=lambda entry: entry.name == MARKER.encode()):
            if entry.name == keep.encode():
                with suppress(OSError):  # it is not empty, and stays
                    os.rmdir(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
        with suppress(OSError):
            os.rmdir(self.path)

    def _require_ours(self) -> None:
        require_private(self.path, 0o077, "unsafe_folder")


def sync_folder(path: bytes) -> None:
    """Make the renames in a folder last."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def is_out_of_room(error: "sqlite3.Error | OSError") -> bool:
    """Tell whether the disk is full."""
    return "is full" in str(error) or "No space" in str(error)
