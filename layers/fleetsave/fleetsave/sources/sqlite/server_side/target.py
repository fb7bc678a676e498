"""Where a recovery goes to: the database's path as it really is, and what stands there."""

import os
import stat

from fleetsave.sources.sqlite.server_side.ground import RefusedError, Request, refuse_network_file_system

SIDECARS = (b"-wal", b"-shm", b"-journal")
WHOLE_SET = (b"", *SIDECARS)
"""What makes one database together; apart from one another these files are stale, and a stale -wal ruins a database."""


class Target:
    """The database to be replaced, or the place for a new one. Raise RefusedError if this account cannot restore there.

    A new file is made under the name that was asked for; what a database is reached by may be a link.
    """

    def __init__(self, request: Request) -> None:
        asked = request.path.encode("utf-8", "surrogateescape")
        folder = os.path.realpath(os.path.dirname(asked))
        self.is_new = request.new_in is not None
        self.path = os.path.join(folder, os.path.basename(asked)) if self.is_new else os.path.realpath(asked)
        self.folder = os.path.dirname(self.path)
        if not os.path.isdir(self.folder):
            raise RefusedError("missing_folder", f"there is no folder {os.fsdecode(self.folder)}")
        if request.new_in is not None:
            self._require_inside(request.new_in)
        refuse_network_file_system(self.folder)
        self._require_permission()

    @property
    def exists(self) -> bool:
        """Tell whether anything stands at the path, a link that leads nowhere too."""
        return os.path.lexists(self.path)

    @property
    def name(self) -> bytes:
        """Return the file's name, without its folder."""
        return os.path.basename(self.path)

    def files(self) -> "list[bytes]":
        """Return the paths of the files of the set that are there."""
        return [self.path + suffix for suffix in WHOLE_SET if os.path.lexists(self.path + suffix)]

    def stale_sidecars(self) -> "list[str]":
        """Return the names of sidecar files that lie there without their database."""
        return [] if self.exists else [os.fsdecode(os.path.basename(path)) for path in self.files()]

    def state(self) -> "list[int]":
        """Return what changes whenever a program commits; nothing is opened, so that no lock is lost."""
        found = []  # type: list[int]
        for suffix in (b"", b"-wal"):
            try:
                status = os.stat(self.path + suffix)
            except FileNotFoundError:
                found += [0, 0]
            else:
                found += [status.st_size, status.st_mtime_ns if status.st_size else 0]
        return found

    def _require_inside(self, folders: "list[str]") -> None:
        for allowed in folders:
            real = os.path.realpath(allowed.encode("utf-8", "surrogateescape"))
            if self.folder == real or self.folder.startswith(real.rstrip(b"/") + b"/"):
                return
        raise RefusedError("outside_folders", f"its folder is really {os.fsdecode(self.folder)}")

    def _require_permission(self) -> None:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            status = os.stat(self.folder)
        else:
            if not stat.S_ISREG(status.st_mode) and not self.is_new:
                raise RefusedError("not_a_file", "it is a folder or a device")
        if os.geteuid() not in (0, status.st_uid):
            raise RefusedError("no_permission", f"the account is neither root nor its owner, user {status.st_uid}")
        if not os.access(self.folder, os.R_OK | os.W_OK | os.X_OK):
            raise RefusedError("no_permission", f"the account may not write {os.fsdecode(self.folder)}")
