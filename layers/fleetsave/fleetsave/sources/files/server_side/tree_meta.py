"""What a thing has beside its content, given as it was recorded, and what could not be given."""

import os
from contextlib import suppress

from fleetsave.sources.files.server_side.tree_expected import ExpectedEntry

INHERITED = ("system.posix_acl_default", "system.posix_acl_access")


class Lacks:
    """Counts what this account or file system cannot give: owner, mode, times, attributes."""

    def __init__(self) -> None:
        self.counts = {}  # type: dict[str, int]

    def note(self, word: str) -> None:
        """Count one."""
        self.counts[word] = self.counts.get(word, 0) + 1


def give_meta(descriptor: int, entry: ExpectedEntry, lacks: Lacks) -> None:
    """Give an open file or folder its owner, attributes, mode and times, in the order in which none takes another away."""
    if not entry.is_of_nobody:
        try:
            os.fchown(descriptor, entry.uid, entry.gid)
        except OSError:
            with suppress(OSError):  # not root: the group may still be one of ours
                os.fchown(descriptor, -1, entry.gid)
    _give_attributes(descriptor, entry, lacks)
    os.fchmod(descriptor, entry.mode)
    if not entry.is_of_nobody:
        os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))
    compare_meta(os.fstat(descriptor), entry, lacks)


def give_link_meta(folder: int, name: bytes, entry: ExpectedEntry, lacks: Lacks) -> None:
    """Give a symbolic link its owner and times; its mode is the system's."""
    if not entry.is_of_nobody:
        with suppress(OSError):
            os.chown(name, entry.uid, entry.gid, dir_fd=folder, follow_symlinks=False)
    os.utime(name, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=folder, follow_symlinks=False)
    compare_meta(os.lstat(name, dir_fd=folder), entry, lacks)


def compare_meta(status: "os.stat_result", entry: ExpectedEntry, lacks: Lacks) -> None:
    """Count where a thing is not as it was recorded."""
    if entry.is_of_nobody:
        return
    if (status.st_uid, status.st_gid) != (entry.uid, entry.gid):
        lacks.note("owner")
    if entry.kind != "symlink" and status.st_mode & 0o7777 != entry.mode:
        lacks.note("mode")
    if status.st_mtime_ns != entry.mtime_ns:
        lacks.note("times")


def _give_attributes(descriptor: int, entry: ExpectedEntry, lacks: Lacks) -> None:
    if not hasattr(os, "setxattr"):
        if entry.xattrs:
            lacks.note("attributes")
        return
    for name in INHERITED:  # a new thing may have those of the folder it was made in
        if name not in entry.xattrs:
            with suppress(OSError):
                os.removexattr(descriptor, name)
    for name, value in entry.xattrs.items():
        try:
            os.setxattr(descriptor, name, value)
        except OSError:
            lacks.note("attributes")
