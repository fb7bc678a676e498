"""The folder on the server that holds frozen snapshots, each `<name>.db` with its report `<name>.json`."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError
from fleetsave.sources.sqlite.server_side.private import locked_folder, make_private, require_private

ENDINGS = (".json", ".db", ".partial", ".json.partial")


class Staging:
    """The private folder for snapshots: made by us, for us alone. Raise RefusedError if it is anything else."""

    def __init__(self, path: "str | None", *, make: bool = False) -> None:
        self.path = staging_path(path)
        if make:
            make_private(self.path, "no_staging")
        self.exists = os.path.lexists(self.path)
        if self.exists:
            require_private(self.path, 0o022, "unsafe_staging")

    def file(self, name: str, ending: str) -> bytes:
        """Return the path of one of a snapshot's files."""
        if not re.fullmatch("[a-z0-9_-]{1,200}", name):
            raise RefusedError("bad_request", f"{name!r} is no name of a snapshot")
        return os.path.join(self.path, (name + ending).encode())

    @contextmanager
    def held(self, deadline: Deadline) -> "Iterator[None]":
        """Keep every other process from freezing into this folder."""
        with locked_folder(self.path, deadline, "another run freezes a snapshot in"):
            yield

    def find(self, name: str) -> "dict[str, Any] | None":
        """Return the report of a snapshot that is there whole, with the path to read it from; None if there is none."""
        try:
            with open(self.file(name, ".json"), "rb") as file:
                report = json.loads(file.read().decode())
            size = os.stat(self.file(name, ".db")).st_size
        except (FileNotFoundError, ValueError):
            return None
        return report if size == report["size"] else None

    def publish(self, name: str, report: "dict[str, Any]") -> None:
        """Give the finished snapshot its name, and its report after it; killed between the two, it is taken anew."""
        os.rename(self.file(name, ".partial"), self.file(name, ".db"))
        with open(self.file(name, ".json.partial"), "wb") as file:
            file.write(json.dumps(report).encode())
        os.rename(self.file(name, ".json.partial"), self.file(name, ".json"))

    def drop(self, name: str) -> None:
        """Remove a snapshot, its report first; dropping what is not there is no error."""
        for ending in ENDINGS:
            self.discard(name, ending)

    def discard(self, name: str, ending: str) -> None:
        """Remove one file, and what SQLite may have put beside it."""
        for suffix in (b"", b"-journal", b"-wal", b"-shm"):
            with suppress(FileNotFoundError):
                os.unlink(self.file(name, ending) + suffix)

    def sweep(self, older_than: float) -> "list[str]":
        """Remove the snapshots of which nothing changed for `older_than` seconds; return their names, sorted."""
        newest = {}  # type: dict[str, float]
        for entry in os.scandir(self.path) if self.exists else ():
            name = os.fsdecode(entry.name).split(".")[0]
            if re.fullmatch("[a-z0-9_-]{1,200}", name):
                newest[name] = max(newest.get(name, 0), entry.stat(follow_symlinks=False).st_mtime)
        names = sorted(name for name, at in newest.items() if at <= time.time() - older_than)
        for name in names:
            self.drop(name)
        return names

    def require_room(self, size: int) -> None:
        """Raise RefusedError unless a snapshot of `size` bytes fits with a fifth to spare."""
        room = os.statvfs(self.path)
        free = room.f_bavail * room.f_frsize
        if free < size * 1.2:
            raise RefusedError("disk_full", f"{os.fsdecode(self.path)} has {free} bytes free, and {int(size * 1.2)} are needed")


def staging_path(path: "str | None") -> bytes:
    """Return where the folder is, or would be made; `path` is what the fleet file says of it, if anything."""
    return (path or f"/var/tmp/fleetsave-{os.geteuid()}").encode("utf-8", "surrogateescape")  # noqa: S108 - it is checked
