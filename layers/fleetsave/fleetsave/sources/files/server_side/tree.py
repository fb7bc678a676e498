"""One folder on its way into the archive: a walk from descriptor to descriptor, which nothing outside can slip into."""

import errno
import os
import stat
from collections.abc import Iterator
from typing import Any

from fleetsave.sources.files.server_side.archive_writer import ArchiveWriter
from fleetsave.sources.files.server_side.file_content import FileContent, StreamedContent, settled_status, still_content
from fleetsave.sources.files.server_side.patterns import PathFilter
from fleetsave.sources.files.server_side.tar_members import MemberMeta
from fleetsave.sources.files.server_side.tree_databases import SQLITE_MAGIC, DatabaseSnapshots, is_beside_database
from fleetsave.sources.files.server_side.tree_entries import (
    ENTRY_FLAGS,
    FOLDER_FLAGS,
    OwnerNames,
    special_kind,
    text_of,
    why_absent,
)
from fleetsave.sources.files.server_side.walked_folder import TreeFolder
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError


class TreeCapture:
    """Archives one folder. Raise RefusedError if it cannot be listed; what is below and cannot be read is named instead.

    `staging` is the real path of the folder with our own snapshots, which may lie in this one.
    """

    def __init__(
        self,
        part: "dict[str, Any]",
        writer: ArchiveWriter,
        snapshots: DatabaseSnapshots,
        owners: OwnerNames,
        staging: bytes,
        deadline: Deadline,
    ) -> None:
        self._writer = writer
        self._snapshots = snapshots
        self._owners = owners
        self._deadline = deadline
        self._largest = part.get("maximum_file_size")
        self._filter = PathFilter(part["include"], part["exclude"])
        path = os.path.realpath(part["path"].encode("utf-8", "surrogateescape"))
        self._staging = staging
        self._folders = [self._open_root(path, part["member"], part["path"])]

    def _open_root(self, path: bytes, member: str, asked: str) -> TreeFolder:
        try:
            return TreeFolder(os.open(path, FOLDER_FLAGS), path, member, self._filter.start())
        except OSError as error:
            reasons = {errno.ENOENT: "missing", errno.ENOTDIR: "not_a_folder", errno.ELOOP: "not_a_folder"}
            reasons.update({errno.EACCES: "no_permission", errno.EPERM: "no_permission"})
            raise RefusedError(reasons.get(error.errno or 0, "io_error"), f"{asked}: {error.strerror}") from None

    def pieces(self) -> "Iterator[bytes]":
        """Yield the bytes of the archive that this folder comes to."""
        try:
            self._write_folder(self._folders[0])
            while self._folders:
                self._deadline.check()
                folder = self._folders[-1]
                name = next(folder.names, None)
                if name is None:
                    self._folders.pop().close()
                    continue
                place = self._filter.below(folder.place, name)
                if place is not None:
                    yield from self._entry(folder, name, place)
                    yield from self._writer.full()
        finally:
            while self._folders:
                self._folders.pop().close()

    def _entry(self, folder: TreeFolder, name: bytes, place: "Any") -> "Iterator[bytes]":
        member = f"{folder.name}/{text_of(name)}"
        takes = self._filter.takes(place)
        try:
            status = os.stat(name, dir_fd=folder.descriptor, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                self._enter(folder, name, member, place, takes=takes)
            elif takes and stat.S_ISLNK(status.st_mode):
                target = text_of(os.readlink(name, dir_fd=folder.descriptor))
                self._write_folders()
                self._writer.symlink(member, self._owners.meta(status), target)
            elif takes and stat.S_ISREG(status.st_mode):
                yield from self._file(folder, name, member, status)
            elif takes:
                self._writer.absent(member, "special", special_kind(status.st_mode))
        except OSError as error:
            problem, detail = why_absent(error)
            is_wanted = takes or problem != "vanished"  # a folder on the way that cannot be entered may hide what is wanted
            if is_wanted and not is_beside_database(name, folder.is_database):
                self._writer.absent(member, problem, detail)

    def _enter(self, folder: TreeFolder, name: bytes, member: str, place: "Any", *, takes: bool) -> None:
        path = os.path.join(folder.path, name)
        if path == self._staging:  # our own snapshots
            return
        descriptor = os.open(name, FOLDER_FLAGS, dir_fd=folder.descriptor)
        try:
            entered = TreeFolder(descriptor, path, member, place)
        except BaseException:
            os.close(descriptor)
            raise
        self._folders.append(entered)
        if takes:
            self._write_folders()

    def _write_folders(self) -> None:
        """Write the folders on the way to here that have not been written."""
        for folder in self._folders:
            if not folder.is_written:
                self._write_folder(folder)

    def _write_folder(self, folder: TreeFolder) -> None:
        self._writer.directory(folder.name, self._owners.meta(os.fstat(folder.descriptor), folder.descriptor))
        folder.is_written = True

    def _file(self, folder: TreeFolder, name: bytes, member: str, status: "os.stat_result") -> "Iterator[bytes]":
        if is_beside_database(name, folder.is_database):
            return
        identity = (status.st_dev, status.st_ino)
        if identity in self._writer.links:
            self._write_folders()
            self._writer.hard_link(member, self._owners.meta(status), self._writer.links[identity])
            return
        if self._largest is not None and status.st_size > self._largest:
            self._writer.absent(member, "too_large", f"{status.st_size} bytes, and {self._largest} are the limit")
            return
        content = self._content(folder, name, member)
        if content is not None:
            self._write_folders()
            yield from self._writer.file(member, content)
            if status.st_nlink > 1:
                self._writer.links[identity] = member

    def _content(self, folder: TreeFolder, name: bytes, member: str) -> "FileContent | None":
        descriptor = os.open(name, ENTRY_FLAGS, dir_fd=folder.descriptor)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.ELOOP, "it is no file any more")
            if os.pread(descriptor, len(SQLITE_MAGIC), 0) == SQLITE_MAGIC:
                meta = self._owners.meta(status, descriptor)
                os.close(descriptor)  # never beside SQLite: see the top of the script
                descriptor = -1
                return self._database(folder, name, member, meta, status)
            content = still_content(descriptor, lambda seen: self._owners.meta(seen, descriptor))
            if content is None:
                status = settled_status(descriptor)
                content = StreamedContent(self._owners.meta(status, descriptor), descriptor, status)
                descriptor = -1
            return content
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def _database(
        self, folder: TreeFolder, name: bytes, member: str, meta: MemberMeta, status: "os.stat_result"
    ) -> "FileContent | None":
        """Capture a database through SQLite, which opens it by its path; what it opened must be what was met here."""
        path = os.path.join(folder.path, name)
        try:
            content = self._snapshots.met(path, meta)
        except RefusedError as error:
            self._deadline.check()
            self._writer.absent(member, "unsafe_database", f"{error.reason}: {error.cause}")
            return None
        if os.path.realpath(path) == path and os.path.samestat(os.stat(path), status):
            return content
        content.close()
        self._writer.absent(member, "unsafe_database", "something else took its place while it was read")
        return None
