"""What is in a file, read while a game may be writing it: small files at rest, large ones as long as they were when opened."""

import os
import time
from collections.abc import Iterator
from typing import Any

from fleetsave.sources.files.server_side.sparse import data_segments
from fleetsave.sources.files.server_side.tar_members import MemberMeta

SMALL_FILE = 1 << 20
READ_SIZE = 256 << 10
READ_TRIES = 4
HOT_NANOSECONDS = 50 * 1000000
"""Two writes within one tick of the kernel's clock leave the same time: what was written just now is read twice."""

TICK_SECONDS = 0.02


class FileContent:
    """One file's content of `size` bytes, and what is kept beside it.

    `segments` are offset and length of its data where it has holes. `problem`, with its `detail`, is known once all pieces were
    taken; `sqlite` is how a database was captured.
    """

    def __init__(self, meta: MemberMeta, size: int, segments: "list[tuple[int, int]] | None" = None) -> None:
        self.meta = meta
        self.size = size
        self.segments = segments
        self.problem = ""
        self.detail = ""
        self.sqlite = None  # type: dict[str, Any] | None

    def pieces(self) -> "Iterator[bytes | int]":
        """Yield the data in order, and for each hole its length; together they are exactly `size` bytes."""
        raise NotImplementedError  # each kind of content gives its own

    def close(self) -> None:
        """Let go of the file; closing twice is no error."""


class StillContent(FileContent):
    """A small file, which is in memory."""

    def __init__(self, meta: MemberMeta, data: bytes, segments: "list[tuple[int, int]] | None" = None) -> None:
        super().__init__(meta, len(data), segments)
        self._data = data

    def pieces(self) -> "Iterator[bytes | int]":
        """Yield the whole of it."""
        if self.segments is None:
            yield self._data
            return
        position = 0
        for start, length in self.segments:
            yield start - position
            yield self._data[start : start + length]
            position = start + length
        yield self.size - position


class StreamedContent(FileContent):
    """A large file, read while it is archived: as long as it was when it was opened, whatever becomes of it."""

    def __init__(self, meta: MemberMeta, descriptor: int, status: "os.stat_result") -> None:
        super().__init__(meta, status.st_size, data_segments(descriptor, status))
        self._descriptor = descriptor
        self._before = status

    def pieces(self) -> "Iterator[bytes | int]":
        """Yield what is read, zeros for what is no longer there, and say so in `problem`."""
        position = 0
        for start, length in [(0, self.size)] if self.segments is None else self.segments:
            yield start - position
            yield from self._read(start, start + length)
            position = start + length
        yield self.size - position
        self._compare()

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self, position: int, end: int) -> "Iterator[bytes]":
        while position < end:
            wanted = min(READ_SIZE, end - position)
            try:
                data = b"" if self.problem else os.pread(self._descriptor, wanted, position)
                seen = "it ended"
            except OSError as error:
                data, seen = b"", str(error.strerror)
            if not data:
                if not self.problem:
                    self.problem, self.detail = "shrunk", f"{seen} after {position} of {self.size} bytes; the rest is zeros"
                data = bytes(wanted)
            yield data
            position += len(data)

    def _compare(self) -> None:
        try:
            after = os.fstat(self._descriptor)
        except OSError as error:
            self.problem, self.detail = "changed", f"what became of it could not be seen: {error.strerror}"
            return
        if not self.problem and is_changed(self._before, after):
            self.problem, self.detail = what_changed(self.size, after.st_size)


def still_content(descriptor: int, meta_of: "Any") -> "FileContent | None":
    """Return a small file as it was at some moment, read again if it changed meanwhile; None if it is not small any more.

    `meta_of` makes what is kept beside it of its status. What changed each time is returned with its problem.
    """
    content = last = None
    for number in range(READ_TRIES):
        if number:
            time.sleep(TICK_SECONDS)
        before = os.fstat(descriptor)
        if before.st_size > SMALL_FILE:
            return None
        segments = data_segments(descriptor, before)
        data = _read_small(descriptor, before.st_size)
        after = os.fstat(descriptor)
        content = StillContent(meta_of(before), data[: before.st_size], segments if len(data) >= before.st_size else None)
        if not is_changed(before, after) and len(data) == before.st_size and (not _is_hot(before) or data == last):
            return content
        last = data
        content.problem, content.detail = what_changed(before.st_size, max(after.st_size, len(data)))
    return content


def settled_status(descriptor: int) -> "os.stat_result":
    """Return the status of a file once it tells of the next write, if it is not written all the time."""
    for _ in range(READ_TRIES):
        status = os.fstat(descriptor)
        if not _is_hot(status):
            break
        time.sleep(TICK_SECONDS)
    return status


def is_changed(before: "os.stat_result", after: "os.stat_result") -> bool:
    """Tell whether a file was written, or given another mode or owner, between two looks at it.

    One that lost a name, because another was renamed over it, was not.
    """
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return True
    return before.st_ctime_ns != after.st_ctime_ns and before.st_nlink == after.st_nlink


def what_changed(before: int, after: int) -> "tuple[str, str]":
    """Return the problem of a file that was not at rest, and its detail, from its sizes when it was opened and read."""
    if after > before:
        return "grew", f"from {before} to at least {after} bytes while it was read; the first {before} are here"
    return "changed", "it was written while it was read"


def _read_small(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) <= size:
        block = os.pread(descriptor, size + 1 - len(data), len(data))
        if not block:
            break
        data += block
    return data


def _is_hot(status: "os.stat_result") -> bool:
    newest = max(status.st_mtime_ns, status.st_ctime_ns)
    return abs(int(time.time() * 1000000000) - newest) < HOT_NANOSECONDS
