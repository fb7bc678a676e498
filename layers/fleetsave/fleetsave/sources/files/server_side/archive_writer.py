"""The archive as it is written: members one after the other, each with its line in the manifest."""

import base64
import hashlib
import tarfile
from collections.abc import Iterator
from typing import Any

from fleetsave.sources.files.server_side.file_content import FileContent
from fleetsave.sources.files.server_side.manifest_lines import ManifestLines
from fleetsave.sources.files.server_side.tar_members import MemberMeta, member_header, sparse_map, tar_padding
from fleetsave.sources.sqlite.server_side.ground import RefusedError

FULL_PIECE = 256 << 10
"""How many bytes are handed on at once."""

MANIFEST_NAME = "manifest.jsonl"
MOST_NAMED, LARGEST_NAMED = 100, 64 << 10
"""How many problems a report names, and of how many characters: it must fit in a frame."""

ZEROS = bytes(FULL_PIECE)


class ArchiveWriter:
    """Writes one archive. Names are text with surrogate escapes; every method that may write much yields what is to be sent."""

    def __init__(self, snapshot_id: str) -> None:
        self.snapshot_id = snapshot_id
        self.position = 0
        self.links = {}  # type: dict[tuple[int, int], str]
        self._waiting = bytearray()
        self._digest = hashlib.sha256()
        self._lines = ManifestLines(snapshot_id)
        self._counts = {"files": 0, "directories": 0, "links": 0, "content_size": 0}
        self._databases = []  # type: list[str]
        self._problems = {}  # type: dict[str, int]
        self._named = []  # type: list[dict[str, str]]
        self._named_size = 0

    def directory(self, name: str, meta: MemberMeta) -> None:
        """Write a folder itself."""
        self._member(name, "directory", meta, member_header(name, tarfile.DIRTYPE, meta))
        self._counts["directories"] += 1

    def symlink(self, name: str, meta: MemberMeta, target: str) -> None:
        """Write a symbolic link."""
        self._member(name, "symlink", meta, member_header(name, tarfile.SYMTYPE, meta, target=target), {"target": target})
        self._counts["links"] += 1

    def hard_link(self, name: str, meta: MemberMeta, target: str) -> None:
        """Write another name of a member that came before."""
        self._member(name, "hardlink", meta, member_header(name, tarfile.LNKTYPE, meta, target=target), {"target": target})
        self._counts["links"] += 1

    def file(self, name: str, content: FileContent) -> "Iterator[bytes]":
        """Write a file, and close it. Raise RefusedError if it fails in the middle: there is no archive any more."""
        offset = self.position
        try:
            mapped = b"" if content.segments is None else sparse_map(content.segments, content.size)
            stored = content.size if content.segments is None else len(mapped) + sum(length for _, length in content.segments)
            sparse_size = -1 if content.segments is None else content.size
            self._put(member_header(name, tarfile.REGTYPE, content.meta, stored, sparse_size=sparse_size) + mapped)
            digest = hashlib.sha256()
            for piece in content.pieces():
                if isinstance(piece, int):
                    _add_zeros(digest, piece)
                else:
                    digest.update(piece)
                    self._put(piece)
                yield from self.full()
            self._put(tar_padding(stored))
        except OSError as error:
            raise RefusedError("io_error", f"{name}: {error.strerror}") from None
        finally:
            content.close()
        values = {"size": content.size, "sha256": digest.hexdigest()}  # type: dict[str, Any]
        values.update({"sparse": True} if content.segments is not None else {})
        values.update({"sqlite": content.sqlite} if content.sqlite is not None else {})
        values.update({"problem": content.problem, "detail": content.detail} if content.problem else {})
        self._line(name, "file", offset, content.meta, values)
        self._counts["files"] += 1
        self._counts["content_size"] += content.size
        if content.sqlite is not None:
            self._databases.append(name)
        if content.problem:
            self._note(name, content.problem, content.detail)

    def absent(self, name: str, problem: str, detail: str) -> None:
        """Name what was found and is not in the archive."""
        self._lines.add({"path": name, "type": "absent", "problem": problem, "detail": detail})
        self._note(name, problem, detail)

    def full(self) -> "Iterator[bytes]":
        """Yield what waits to be sent, if that is enough to be sent at once."""
        if len(self._waiting) >= FULL_PIECE:
            yield from self.rest()

    def rest(self) -> "Iterator[bytes]":
        """Yield all that waits to be sent."""
        while self._waiting:
            piece = bytes(self._waiting[:FULL_PIECE])
            del self._waiting[:FULL_PIECE]
            yield piece

    def begin_manifest(self, meta: MemberMeta) -> None:
        """Write the manifest's header; `manifest` and `end` follow."""
        self._put(member_header(MANIFEST_NAME, tarfile.REGTYPE, meta, self._lines.size))

    def manifest(self) -> "Iterator[bytes]":
        """Yield the manifest's content, which is part of the archive too; all that waited must have been taken."""
        for piece in self._lines.pieces(FULL_PIECE):
            self._count(piece)
            yield piece

    def end(self) -> None:
        """Write the two blocks of zeros that end the archive."""
        self._put(tar_padding(self._lines.size) + bytes(1024))

    def report(self) -> "dict[str, Any]":
        """Return what was written."""
        report = {"snapshot_id": self.snapshot_id, "size": self.position, "sha256": self._digest.hexdigest()}  # type: dict[str, Any]
        report.update(self._counts, databases=self._databases, problems=self._problems, named=self._named)
        return dict(report, manifest_sha256=self._lines.sha256, manifest_size=self._lines.size)

    def _member(self, name: str, kind: str, meta: MemberMeta, header: bytes, values: "dict[str, Any] | None" = None) -> None:
        offset = self.position
        self._put(header)
        self._line(name, kind, offset, meta, values or {})

    def _line(self, name: str, kind: str, offset: int, meta: MemberMeta, values: "dict[str, Any]") -> None:
        line = {"path": name, "type": kind, "offset": offset, "span": self.position - offset}  # type: dict[str, Any]
        line.update(mode=meta.mode, uid=meta.uid, gid=meta.gid, user=meta.user, group=meta.group, mtime_ns=meta.mtime_ns)
        if meta.xattrs:
            line["xattrs"] = {key: base64.b64encode(value).decode() for key, value in sorted(meta.xattrs.items())}
        line.update(values)
        self._lines.add(line)

    def _note(self, name: str, problem: str, detail: str) -> None:
        self._problems[problem] = self._problems.get(problem, 0) + 1
        self._named_size += len(name) + len(detail)
        if len(self._named) < MOST_NAMED and self._named_size <= LARGEST_NAMED:
            self._named.append({"path": name, "problem": problem, "detail": detail})

    def _put(self, data: bytes) -> None:
        self._count(data)
        self._waiting += data

    def _count(self, data: bytes) -> None:
        self._digest.update(data)
        self.position += len(data)


def _add_zeros(digest: "Any", length: int) -> None:
    """Hash a hole."""
    while length > 0:
        digest.update(ZEROS[:length] if length < len(ZEROS) else ZEROS)
        length -= len(ZEROS)
