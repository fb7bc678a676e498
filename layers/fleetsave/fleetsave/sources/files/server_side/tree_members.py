"""The members of the copy, of which only names, sizes and content are believed: everything else is in the list before them."""

import hashlib
import os
import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from fleetsave.sources.files.server_side.tree_target import TreeRequest
from fleetsave.sources.files.server_side.tree_workplace import EXPECTED
from fleetsave.sources.sqlite.server_side.content import CHUNK
from fleetsave.sources.sqlite.server_side.ground import RefusedError

BLOCK_OF_TAR = 512
LARGEST_EXTENDED_HEADER = 1 << 20
MEMBER_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
}
UNREADABLE = (
    tarfile.TarError,
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
    AttributeError,
    TypeError,
    EOFError,
    RecursionError,
)
"""What tarfile raises for bytes that are no archive."""


def take_list(request: TreeRequest, copy: BinaryIO, target: bytes) -> int:
    """Write the list that the copy begins with to `target`, and return where the members begin.

    Raise RefusedError if it is not the one that was announced.
    """
    try:
        header = tarfile.TarInfo.frombuf(copy.read(BLOCK_OF_TAR), "utf-8", "surrogateescape")
    except UNREADABLE:
        raise RefusedError("altered_copy", "it does not begin as a copy does") from None
    if (header.name, header.type, header.size) != (EXPECTED, tarfile.REGTYPE, request.expected_size):
        raise RefusedError("altered_copy", "it does not begin with the list that was announced")
    digest, left = hashlib.sha256(), request.expected_size
    with open(target, "wb") as file:
        while left:
            block = copy.read(min(CHUNK, left))
            if not block:
                raise RefusedError("altered_copy", "its list is cut short")
            digest.update(block)
            file.write(block)
            left -= len(block)
    if digest.hexdigest() != request.sha256:
        raise RefusedError("altered_copy", f"its list has sha256 {digest.hexdigest()}, and {request.sha256} was announced")
    return BLOCK_OF_TAR + request.expected_size + -request.expected_size % BLOCK_OF_TAR


class CopyMembers:
    """Reads member after member from an offset of the copy; the same file, used by nobody else meanwhile."""

    def __init__(self, copy: BinaryIO, offset: int) -> None:
        self._copy = copy
        self._require_plain_header(offset)
        copy.seek(offset)
        try:
            self._archive = tarfile.open(  # noqa: SIM115 - it has nothing of its own to close
                fileobj=copy, mode="r:", encoding="utf-8", errors="surrogateescape"
            )
        except UNREADABLE as error:
            raise _unreadable_member(str(error)) from None
        self._is_first = True

    def next(self) -> "tarfile.TarInfo | None":
        """Return the next member, None at the end. Raise RefusedError for what no capture writes."""
        try:
            if not self._is_first:
                self._require_plain_header(self._archive.offset)
            self._is_first = False
            member = self._archive.next()
        except UNREADABLE as error:
            raise _unreadable_member(str(error)) from None
        self._archive.members = []  # type: ignore[attr-defined]  # they are looked at once, and may be millions
        if member is not None and (member.type not in MEMBER_KINDS or member.size < 0):
            raise _unreadable_member(f"{member.name[:200]!r} is neither file, folder nor link")
        return member

    def pieces(self, member: tarfile.TarInfo) -> "Iterator[tuple[int, bytes]]":
        """Yield the data of a file, each piece with its place in the file; holes are left out."""
        try:
            for offset, size in extents_of(member):
                yield from self._pieces(member, offset, size)
        except UNREADABLE as error:
            raise _unreadable_member(str(error)) from None

    def _pieces(self, member: tarfile.TarInfo, offset: int, size: int) -> "Iterator[tuple[int, bytes]]":
        file = self._archive.extractfile(member)
        assert file is not None  # noqa: S101 - it is a file
        file.seek(offset)
        while size:
            block = file.read(min(CHUNK, size))
            if not block:
                raise _unreadable_member(f"{member.name[:200]!r} is cut short")
            yield offset, block
            offset += len(block)
            size -= len(block)

    def _require_plain_header(self, offset: int) -> None:
        """Look at the next header before tarfile does, which gives an extended header all the memory that it asks for."""
        block = os.pread(self._copy.fileno(), BLOCK_OF_TAR, offset)
        if not block.strip(b"\0"):
            return
        kind, size = block[156:157], _number(block[124:136])
        if kind == tarfile.XHDTYPE and size <= LARGEST_EXTENDED_HEADER:
            following = offset + BLOCK_OF_TAR + size + -size % BLOCK_OF_TAR
            kind = os.pread(self._copy.fileno(), BLOCK_OF_TAR, following)[156:157]
        if kind not in MEMBER_KINDS:
            raise _unreadable_member(f"a header of type {kind!r} is none that a capture writes")


def extents_of(member: tarfile.TarInfo) -> "list[tuple[int, int]]":
    """Return where a file's data lies in it. Raise ValueError for a map that goes back, or beyond the end."""
    sparse = getattr(member, "sparse", None)
    if sparse is None:
        return [(0, member.size)]
    reached = 0
    for offset, size in sparse:
        if offset < reached or size < 0 or offset + size > member.size:
            raise ValueError("the map of a sparse file goes back, or beyond its end")
        reached = offset + size
    return [(offset, size) for offset, size in sparse if size]


def _number(field: bytes) -> int:
    text = field.strip(b" \0")
    return int(text, 8) if text and not set(text) - set(b"01234567") else LARGEST_EXTENDED_HEADER + 1


def _unreadable_member(cause: str) -> RefusedError:
    return RefusedError("damaged_copy", f"the archive cannot be read: {cause}"[:500])
