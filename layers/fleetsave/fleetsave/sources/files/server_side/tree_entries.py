"""One thing in a folder: opened without following a link, and described."""

import errno
import grp
import os
import pwd
import stat

from fleetsave.sources.files.server_side.tar_members import MemberMeta

KEPT_ATTRIBUTES = ("security.capability", "system.posix_acl_access", "system.posix_acl_default")
SPECIAL_KINDS = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a pipe",
    stat.S_IFBLK: "a block device",
    stat.S_IFCHR: "a character device",
}
ENTRY_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FOLDER_FLAGS = ENTRY_FLAGS | os.O_DIRECTORY


class OwnerNames:
    """The names of users and groups, each looked up once."""

    def __init__(self) -> None:
        self._users = {}  # type: dict[int, str]
        self._groups = {}  # type: dict[int, str]

    def user(self, number: int) -> str:
        """Return a user's name, nothing if it has none."""
        if number not in self._users:
            try:
                self._users[number] = pwd.getpwuid(number).pw_name
            except KeyError:
                self._users[number] = ""
        return self._users[number]

    def group(self, number: int) -> str:
        """Return a group's name, nothing if it has none."""
        if number not in self._groups:
            try:
                self._groups[number] = grp.getgrgid(number).gr_name
            except KeyError:
                self._groups[number] = ""
        return self._groups[number]

    def meta(self, status: "os.stat_result", descriptor: int = -1) -> MemberMeta:
        """Return what is kept of a thing; its extended attributes if it is open."""
        return MemberMeta(
            stat.S_IMODE(status.st_mode),
            status.st_uid,
            status.st_gid,
            self.user(status.st_uid),
            self.group(status.st_gid),
            status.st_mtime_ns,
            extended_attributes(descriptor) if descriptor >= 0 else {},
        )


def extended_attributes(descriptor: int) -> "dict[str, bytes]":
    """Return the attributes of an open file that a restore can give back: its owner's, capabilities, access lists."""
    if not hasattr(os, "listxattr"):
        return {}
    found = {}
    try:
        for name in os.listxattr(descriptor):
            if (name.startswith("user.") or name in KEPT_ATTRIBUTES) and _is_text(name):
                found[name] = os.getxattr(descriptor, name)
    except OSError:  # the file system has none, or they are not ours to read
        return found
    return found


def why_absent(error: OSError) -> "tuple[str, str]":
    """Return the problem of something that could not be opened, and its detail."""
    if error.errno == errno.ENOENT:
        return "vanished", "it was there when its folder was listed"
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
        return "vanished", "something else took its place while it was opened"
    return "unreadable", str(error.strerror)


def special_kind(mode: int) -> str:
    """Return what a thing without content is."""
    return SPECIAL_KINDS.get(stat.S_IFMT(mode), "something unknown")


def text_of(name: bytes) -> str:
    """Return a name as it is written: UTF-8, with surrogate escapes for what is not."""
    return name.decode("utf-8", "surrogateescape")


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
