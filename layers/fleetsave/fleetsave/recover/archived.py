"""What is brought back out of an archive, read from the parts that hold it and from no others."""

from collections import deque
from collections.abc import Iterator

from fleetsave.archives.errors import MalformedArchiveError
from fleetsave.archives.reading import read_members
from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import RestoreError
from fleetsave.model.records import StoredRecord
from fleetsave.model.recovery_records import Selection
from fleetsave.planning.archive_copy import Stretch, copy_pieces
from fleetsave.planning.archive_plan import choice_of
from fleetsave.store.base import ObjectStore
from fleetsave.store.ranges import plain_range

_END = bytes(1024)


def copy_bytes(
    store: ObjectStore, catalog: Catalog, stored: StoredRecord, selection: Selection, begun_at: int
) -> Iterator[bytes]:
    """Yield the copy of what was chosen from an offset; what lies before it is not read. Raise DamagedStreamError, StoreError."""
    left = begun_at
    for piece in copy_pieces(choice_of(catalog, stored, selection.root, selection.paths), selection.expected_size):
        size = len(piece) if isinstance(piece, bytes) else piece.size
        if size <= left:
            left -= size
        elif isinstance(piece, bytes):
            yield piece[left:]
            left = 0
        else:
            yield from _stretch(store, stored, piece.after(left))
            left = 0


def _stretch(store: ObjectStore, stored: StoredRecord, stretch: Stretch) -> Iterator[bytes]:
    """Yield the pieces of a stretch, which is read in one go."""
    position, pieces = stretch.begin, deque(stretch.pieces)
    for chunk in plain_range(store, stored, stretch.begin, stretch.end):
        reached = position + len(chunk)
        while pieces and pieces[0][0] < reached:
            begin, end = pieces[0]
            if piece := chunk[max(0, begin - position) : end - position]:
                yield piece
            if end > reached:
                break
            pieces.popleft()
        position = reached


def member_bytes(store: ObjectStore, catalog: Catalog, stored: StoredRecord, member: str) -> Iterator[bytes]:
    """Yield the content of one member. Raise RestoreError if the archive has none of that name where its manifest says."""
    entry = next((one for one in catalog.manifest(stored) if one.path == member), None)
    if entry is None:
        raise _altered(stored, f"its manifest has no {member} any more")
    chunks = plain_range(store, stored, entry.offset, entry.offset + entry.span)
    try:
        for found in read_members(_ended(chunks), stored.key):
            if found.info.name != member:
                raise _altered(stored, f"{found.info.name!r} is where its manifest has {member}")
            yield from found.content
    except MalformedArchiveError as error:
        raise _altered(stored, error.cause) from error


def _ended(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield one member as an archive of its own."""
    yield from chunks
    yield _END


def _altered(stored: StoredRecord, cause: str) -> RestoreError:
    return RestoreError(
        "read", stored.key, cause, "The stored object is damaged: choose another backup, and verify this one again.",
        reason="altered_object",
    )  # fmt: skip
