"""Where a recovery of a folder goes to: its path as it really is, what stands there, and what is mounted around it."""

import os
import re
import stat
from typing import Any

from fleetsave.sources.sqlite.server_side.ground import RefusedError, Request


class TreeRequest(Request):
    """What our side asks of a folder's recovery.

    `sha256` is that of the list of what is expected, which is `expected_size` bytes long and begins the copy; the copy has `size`
    bytes. `content_size` is what the files take. `paths` are patterns of what is put into the folder, none for the whole of it;
    `asked_of` are the files in it of which it matters who has them open, none for all
    that is matched; `away` are the paths that are to be moved aside first. `links_out` allows symbolic links that lead out.
    """

    def __init__(self, values: "dict[str, Any]") -> None:
        super().__init__(values)
        self.expected_size = int(values.get("expected_size", 0))
        self.content_size = int(values.get("content_size", 0))
        self.entries = int(values.get("entries", 0))
        self.paths = [str(pattern) for pattern in values.get("paths") or []]
        self.away = [str(path) for path in values.get("away") or []]
        self.asked_of = [str(path) for path in values.get("chosen") or []]
        self.links_out = bool(values.get("links_out", False))

    @property
    def chosen(self) -> bool:
        """Tell whether single paths are meant, and not the whole folder."""
        return bool(self.paths)


class TreeTarget:
    """The folder to be replaced, or the place for a new one. Raise RefusedError if this account cannot restore there."""

    def __init__(self, request: TreeRequest) -> None:
        asked = request.path.encode("utf-8", "surrogateescape")
        parent = os.path.realpath(os.path.dirname(asked))
        self.is_new = request.new_in is not None
        self.path = os.path.join(parent, os.path.basename(asked)) if self.is_new else os.path.realpath(asked)
        self.folder, self.name = os.path.split(self.path)
        if not os.path.isdir(self.folder) or not self.name:
            raise RefusedError("missing_folder", f"there is no folder {os.fsdecode(self.folder)}")
        if request.new_in is not None:
            self._require_inside(request.new_in)
        self._require_permission()
        self._require_one_file_system()

    @property
    def exists(self) -> bool:
        """Tell whether anything stands at the path."""
        return os.path.lexists(self.path)

    @property
    def is_folder(self) -> bool:
        """Tell whether a folder stands at the path, and no link to one."""
        return os.path.isdir(self.path) and not os.path.islink(self.path)

    def _require_inside(self, folders: "list[str]") -> None:
        for allowed in folders:
            real = os.path.realpath(allowed.encode("utf-8", "surrogateescape"))
            if self.folder == real or self.folder.startswith(real.rstrip(b"/") + b"/"):
                return
        raise RefusedError("outside_folders", f"its folder is really {os.fsdecode(self.folder)}")

    def _require_permission(self) -> None:
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            status = os.stat(self.folder)
        if os.geteuid() != 0 and os.geteuid() != status.st_uid:
            raise RefusedError("no_permission", f"the account is neither root nor its owner, user {status.st_uid}")
        needed = [self.folder, self.path] if stat.S_ISDIR(status.st_mode) and self.exists else [self.folder]
        for path in needed:
            if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
                raise RefusedError("no_permission", f"the account may not write {os.fsdecode(path)}")

    def _require_one_file_system(self) -> None:
        """A folder with mounts cannot be renamed as one: what is mounted in it would be kept, and later removed, with the old."""
        if not self.is_folder:
            return
        if os.lstat(self.path).st_dev != os.stat(self.folder).st_dev:
            raise RefusedError("mount_point", f"{os.fsdecode(self.path)} is on a file system of its own")
        inside = mounts_below(self.path)
        if inside:
            raise RefusedError("mount_inside", f"{os.fsdecode(inside[0])} is mounted in it")


def mounts_below(path: bytes) -> "list[bytes]":
    """Return the mount points at and below a path."""
    try:
        with open("/proc/self/mounts", "rb") as mounts:
            lines = mounts.read().splitlines()
    except FileNotFoundError:  # not Linux
        return []
    points = [re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match.group(1), 8)]), line.split(b" ")[1]) for line in lines]
    return sorted(point for point in points if point == path or point.startswith(path.rstrip(b"/") + b"/"))
