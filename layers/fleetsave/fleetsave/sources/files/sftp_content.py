"""What is in a file over SFTP alone: small files at rest as far as can be told, large ones as long as they were."""

import time
from collections.abc import Callable, Iterator

from fleetsave.sources.files.server_side.file_content import READ_TRIES, SMALL_FILE, FileContent, StillContent, what_changed
from fleetsave.sources.files.server_side.tar_members import MemberMeta
from fleetsave.transports.sftp import Attributes, SftpSession, SftpStatusError

_HOT_SECONDS = 300
"""The protocol tells whole seconds, and the server's clock is not ours: what was written lately is read twice."""

_PAUSE = 1.1


class SftpContent(FileContent):
    """A large file, read while it is archived: as long as it was when it was looked at, whatever becomes of it."""

    def __init__(self, meta: MemberMeta, session: SftpSession, path: bytes, before: Attributes) -> None:
        super().__init__(meta, before.size)
        self._session = session
        self._path = path
        self._before = before

    def pieces(self) -> Iterator[bytes | int]:
        """Yield what is read, zeros for what is no longer there, and say so in `problem`."""
        position, seen = 0, "it ended"
        try:
            for data in self._session.read(self._path, 0, self.size):
                position += len(data)
                yield data
        except SftpStatusError as error:
            seen = error.message
        if position < self.size:
            self.problem, self.detail = "shrunk", f"{seen} after {position} of {self.size} bytes; the rest is zeros"
            while position < self.size:
                zeros = bytes(min(SMALL_FILE, self.size - position))
                position += len(zeros)
                yield zeros
            return
        try:
            after = self._session.lstat(self._path)
        except SftpStatusError as error:
            self.problem, self.detail = "changed", f"what became of it could not be seen: {error.message}"
            return
        if _is_changed(self._before, after):
            self.problem, self.detail = what_changed(self.size, after.size)


def small_content(
    session: SftpSession, path: bytes, meta_of: Callable[[Attributes], MemberMeta], pause: float = _PAUSE
) -> FileContent | None:
    """Return a small file as it was at some moment, read again if it changed meanwhile; None if it is not small any more.

    Raise SftpStatusError if it cannot be read.
    """
    content: FileContent | None = None
    last: bytes | None = None
    for _ in range(READ_TRIES):
        before = session.lstat(path)
        if before.size > SMALL_FILE:
            return None
        data = b"".join(session.read(path, 0, before.size + 1))
        after = session.lstat(path)
        content = StillContent(meta_of(before), data[: before.size])
        is_hot = abs(time.time() - before.modified) < _HOT_SECONDS
        if not _is_changed(before, after) and len(data) == before.size and (not is_hot or data == last):
            return content
        content.problem, content.detail = what_changed(before.size, max(after.size, len(data)))
        if last is not None:
            time.sleep(pause)
        last = data
    return content


def _is_changed(before: Attributes, after: Attributes) -> bool:
    return (before.mode, before.size, before.modified) != (after.mode, after.size, after.modified)
