"""One folder of a server that gives SFTP alone, on its way into an archive that is made on our side."""

import stat
from collections.abc import Callable, Iterator

from fleetsave.model.archives import TreePart
from fleetsave.sources.files.refusals import archive_refusal
from fleetsave.sources.files.server_side.archive_writer import ArchiveWriter
from fleetsave.sources.files.server_side.file_content import SMALL_FILE
from fleetsave.sources.files.server_side.patterns import PathFilter
from fleetsave.sources.files.server_side.tar_members import MemberMeta
from fleetsave.sources.files.server_side.tree_databases import SQLITE_MAGIC, is_beside_database
from fleetsave.sources.files.server_side.tree_entries import special_kind, text_of
from fleetsave.sources.files.sftp_content import SftpContent, small_content
from fleetsave.transports.sftp import NO_SUCH_FILE, PERMISSION_DENIED, Attributes, SftpSession, SftpStatusError

_Place = tuple[frozenset[tuple[int, int]], frozenset[tuple[int, int]]]
_UNSAFE = "sftp_only: a database cannot be copied safely over SFTP alone"


class _Folder:
    """A folder on the way down: its names still to come, and whether it has been written itself."""

    def __init__(self, session: SftpSession, path: bytes, name: str, place: _Place, attributes: Attributes) -> None:
        self.path = path
        self.name = name
        self.place = place
        self.attributes = attributes
        self.is_written = False
        self.names = iter(sorted(name for name, _ in session.entries(path) if name not in (b".", b"..")))


class SftpTree:
    """Archives one folder, its root listed at once. Raise CaptureError if that cannot be done.

    `check` is called before each entry, and raises once the time is up. What is below and cannot be read is named instead.
    """

    def __init__(self, session: SftpSession, part: TreePart, writer: ArchiveWriter, check: Callable[[], None]) -> None:
        self._session = session
        self._part = part
        self._writer = writer
        self._check = check
        self._filter = PathFilter(part.include, part.exclude)
        self._folders = [self._root()]

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes of the archive that this folder comes to."""
        self._write_folders()
        while self._folders:
            self._check()
            folder = self._folders[-1]
            name = next(folder.names, None)
            if name is None:
                self._folders.pop()
                continue
            place = self._filter.below(folder.place, name)
            if place is not None:
                yield from self._entry(folder, name, place)
                yield from self._writer.full()

    def _root(self) -> _Folder:
        path = self._part.path.encode("utf-8", "surrogateescape")
        try:
            attributes = self._session.stat(path)
            if not stat.S_ISDIR(attributes.mode):
                raise archive_refusal(self._part.path, "not_a_folder", "it is a file or a device")
            return _Folder(self._session, path.rstrip(b"/"), self._part.member, self._filter.start(), attributes)
        except SftpStatusError as error:
            reasons = {NO_SUCH_FILE: "missing", PERMISSION_DENIED: "no_permission"}
            raise archive_refusal(self._part.path, reasons.get(error.code, "io_error"), error.message) from error

    def _entry(self, folder: _Folder, name: bytes, place: _Place) -> Iterator[bytes]:
        path, member = folder.path + b"/" + name, f"{folder.name}/{text_of(name)}"
        takes = self._filter.takes(place)
        try:
            attributes = self._session.lstat(path)
            if stat.S_ISDIR(attributes.mode):
                self._folders.append(_Folder(self._session, path, member, place, attributes))
                if takes:
                    self._write_folders()
            elif takes and stat.S_ISLNK(attributes.mode):
                target = text_of(self._session.readlink(path))
                self._write_folders()
                self._writer.symlink(member, _meta(attributes), target)
            elif takes and stat.S_ISREG(attributes.mode):
                yield from self._file(folder, name, path, member, attributes)
            elif takes:
                self._writer.absent(member, "special", special_kind(attributes.mode))
        except SftpStatusError as error:
            problem = "vanished" if error.code == NO_SUCH_FILE else "unreadable"
            if (takes or problem != "vanished") and not self._is_beside_database(folder, name):
                self._writer.absent(member, problem, error.message)

    def _write_folders(self) -> None:
        """Write the folders on the way to here that have not been written."""
        for folder in self._folders:
            if not folder.is_written:
                folder.is_written = True
                self._writer.directory(folder.name, _meta(folder.attributes))

    def _file(self, folder: _Folder, name: bytes, path: bytes, member: str, attributes: Attributes) -> Iterator[bytes]:
        if self._is_beside_database(folder, name):
            return
        largest = self._part.maximum_file_size
        if largest is not None and attributes.size > largest:
            self._writer.absent(member, "too_large", f"{attributes.size} bytes, and {largest} are the limit")
            return
        if self._begin(path) == SQLITE_MAGIC:
            self._writer.absent(member, "unsafe_database", _UNSAFE)
            return
        content = small_content(self._session, path, _meta) if attributes.size <= SMALL_FILE else None
        if content is None:
            before = self._session.lstat(path)
            content = SftpContent(_meta(before), self._session, path, before)
        self._write_folders()
        yield from self._writer.file(member, content)

    def _is_beside_database(self, folder: _Folder, name: bytes) -> bool:
        return is_beside_database(name, lambda beside: self._is_database(folder.path + b"/" + beside))

    def _is_database(self, path: bytes) -> bool:
        try:
            return stat.S_ISREG(self._session.lstat(path).mode) and self._begin(path) == SQLITE_MAGIC
        except SftpStatusError:  # there is no such file, or it is not ours to read
            return False

    def _begin(self, path: bytes) -> bytes:
        return b"".join(self._session.read(path, 0, len(SQLITE_MAGIC)))


def _meta(attributes: Attributes) -> MemberMeta:
    nanoseconds = int(attributes.modified) * 1_000_000_000
    return MemberMeta(stat.S_IMODE(attributes.mode), attributes.uid, attributes.gid, "", "", nanoseconds, {})
