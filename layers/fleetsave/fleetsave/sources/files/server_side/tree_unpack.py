"""The new tree, made in the workplace from the copy: what is expected and nothing else, each entry checked as it is made."""

import errno
import hashlib
import os
import stat
import tarfile
from contextlib import suppress

from fleetsave.sources.files.server_side.tree_expected import ExpectedEntry, expected_entries
from fleetsave.sources.files.server_side.tree_folders import FolderChain
from fleetsave.sources.files.server_side.tree_members import MEMBER_KINDS, CopyMembers
from fleetsave.sources.files.server_side.tree_meta import Lacks, give_link_meta, give_meta
from fleetsave.sources.files.server_side.tree_target import TreeRequest
from fleetsave.sources.files.server_side.tree_workplace import NEW_TREE, TreeWorkplace
from fleetsave.sources.sqlite.server_side.content import CHUNK
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError


class TreeUnpacking:
    """Makes everything below `new`; folders are made first, and get their modes and times last, the deepest before the others.

    `into` tells that what is in it goes into a folder that is there, and not the tree as one.
    """

    def __init__(self, request: TreeRequest, place: TreeWorkplace, deadline: Deadline, *, into: bool) -> None:
        self._request = request
        self._into = into
        self._place = place
        self._deadline = deadline
        self._written = 0
        self.lacks = Lacks()
        self.files = 0
        self.entries = 0

    def unpack(self, members: CopyMembers) -> None:
        """Make the tree anew. Raise RefusedError for whatever is not as expected; then nothing of it is used."""
        self._place.discard_tree(NEW_TREE)
        os.mkdir(self._place.file(NEW_TREE), 0o700)
        for name in ("system.posix_acl_default", "system.posix_acl_access"):
            with suppress(OSError, AttributeError):  # what the folder above gives to all that is made in it
                os.removexattr(self._place.file(NEW_TREE), name)
        with FolderChain(self._place.file(NEW_TREE)) as new:
            folders = self._make_folders(new)
            for entry in expected_entries(self._place):
                if entry.member:
                    self._take(entry, members, new)
            if members.next() is not None:
                raise RefusedError("damaged_copy", "more members came than are expected")
            for folder in reversed(folders):
                self._finish_folder(folder, new)

    def _make_folders(self, new: FolderChain) -> "list[ExpectedEntry]":
        folders = []
        for entry in expected_entries(self._place):
            self._deadline.check()
            self.entries += 1
            if self.entries > self._request.entries:
                raise RefusedError("bad_entry", f"more than the {self._request.entries} entries are listed that were announced")
            if entry.leads_out and not self._request.links_out:
                raise RefusedError("links_out", f"{os.fsdecode(entry.path)!r} is a link that leads out of the folder")
            if not entry.is_folder:
                continue
            folders.append(entry)
            if entry.path == b".":
                continue
            try:
                made = new.make(entry.path)
            except OSError as error:
                raise _not_made(entry, error) from None
            if not made:
                raise RefusedError("bad_entry", f"{os.fsdecode(entry.path)!r} is listed twice")
        return folders

    def _take(self, entry: ExpectedEntry, members: CopyMembers, new: FolderChain) -> None:
        self._deadline.check()
        member = members.next()
        name = "nothing" if member is None else member.name
        if member is None or name != entry.member or MEMBER_KINDS[member.type] != entry.kind:
            raise RefusedError("damaged_copy", f"{name[:200]!r} came where {entry.member[:200]!r} is expected, a {entry.kind}")
        if hasattr(tarfile, "data_filter") and not (member.issym() and self._request.links_out):
            self._ask_python(member)
        try:
            if entry.kind == "file":
                self._make_file(entry, member, members, new)
            elif entry.kind == "symlink":
                folder, own = new.parent(entry.path)
                os.symlink(entry.target, own, dir_fd=folder)
                give_link_meta(folder, own, entry, self.lacks)
            elif entry.kind == "hardlink":
                self._make_link(entry, new)
        except OSError as error:
            raise _not_made(entry, error) from None

    def _ask_python(self, member: tarfile.TarInfo) -> None:
        """Let Python's own rules judge too, where it has them; they know nothing of sets that hold a link from outside."""
        if member.issym():
            return  # judged by its words above: relative to the set, not to the whole archive
        try:
            tarfile.data_filter(member, os.fsdecode(self._place.file(NEW_TREE)))
        except tarfile.TarError as error:
            raise RefusedError("damaged_copy", f"{member.name[:200]!r}: {error}"[:500]) from None

    def _make_file(self, entry: ExpectedEntry, member: tarfile.TarInfo, members: CopyMembers, new: FolderChain) -> None:
        if member.size != entry.size:
            raise RefusedError("damaged_copy", f"{member.name[:200]!r} has {member.size} bytes, and {entry.size} are expected")
        folder, own = new.parent(entry.path)
        descriptor = os.open(own, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            for offset, block in members.pieces(member):
                self._deadline.check()
                self._written += len(block)
                if self._written > self._request.content_size:
                    raise RefusedError("damaged_copy", "more content came than was announced")
                done = 0
                while done < len(block):
                    done += os.pwrite(descriptor, block[done:], offset + done)
            os.ftruncate(descriptor, entry.size)
            found = self._digest(descriptor)
            if found != entry.sha256:
                raise RefusedError("damaged_copy", f"{member.name[:200]!r} has sha256 {found}, not {entry.sha256}")
            give_meta(descriptor, entry, self.lacks)
        finally:
            os.close(descriptor)
        self.files += 1

    def _digest(self, descriptor: int) -> str:
        """Hash what was written, as it is read back."""
        digest = hashlib.sha256()
        os.lseek(descriptor, 0, os.SEEK_SET)
        while True:
            block = os.read(descriptor, CHUNK)
            if not block:
                return digest.hexdigest()
            self._deadline.check()
            digest.update(block)

    def _make_link(self, entry: ExpectedEntry, new: FolderChain) -> None:
        folder, own = new.parent(entry.target)
        first = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.lstat(own, dir_fd=first).st_mode):
                raise RefusedError("damaged_copy", f"{os.fsdecode(entry.path)!r} is another name of what is no file")
            folder, name = new.parent(entry.path)
            os.link(own, name, src_dir_fd=first, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(first)

    def _finish_folder(self, entry: ExpectedEntry, new: FolderChain) -> None:
        """Give a folder what it has; what is put into a folder that is there comes from folders that are only passed through."""
        if self._into or entry.path == b".":
            return
        descriptor = os.dup(new.folder(entry.path.split(b"/")))
        try:
            give_meta(descriptor, entry, self.lacks)
        finally:
            os.close(descriptor)


def _not_made(entry: ExpectedEntry, error: OSError) -> RefusedError:
    cause = f"{os.fsdecode(entry.path)[:200]!r}: {error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RefusedError("disk_full", cause)
    return RefusedError("not_made", cause)
