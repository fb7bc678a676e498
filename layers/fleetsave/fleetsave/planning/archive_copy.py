"""The copy that is sent to a server: a list of what is expected, the chosen members as they stand in the archive, and the end.

It is made anew for every run that goes on with it, and is the same each time.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from tarfile import PAX_FORMAT, TarInfo

from fleetsave.model.manifests import EntryType
from fleetsave.planning.archive_choice import ArchiveChoice, Choice

EXPECTED_MEMBER = "expected.jsonl"
_BLOCK = 512
_END = bytes(2 * _BLOCK)
_GAP = 8 << 20
"""Bytes between two chosen members that are rather read over than asked for anew."""


@dataclass(frozen=True)
class CopyFacts:
    """What is known of a copy before a byte of it is read; sizes in bytes.

    `sha256` and `expected_size` are those of the list. `links_out` are the first links that lead out of the target.
    """

    size: int
    sha256: str
    expected_size: int
    entries: int
    content_size: int
    links_out: list[str]


@dataclass(frozen=True)
class Stretch:
    """Pieces of the archive, each from its first byte to the one after its last, that are read in one go."""

    pieces: list[tuple[int, int]]

    @property
    def begin(self) -> int:
        """Return where the first begins."""
        return self.pieces[0][0]

    @property
    def end(self) -> int:
        """Return where the last ends."""
        return self.pieces[-1][1]

    @property
    def size(self) -> int:
        """Return how many bytes all have."""
        return sum(end - begin for begin, end in self.pieces)

    def after(self, skipped: int) -> "Stretch":
        """Return what is left of it behind its first bytes, fewer than all."""
        pieces = []
        for begin, end in self.pieces:
            if skipped < end - begin:
                pieces.append((begin + skipped, end))
            skipped = max(0, skipped - (end - begin))
        return Stretch(pieces)


def copy_facts(choice: ArchiveChoice) -> CopyFacts:
    """Read all choices and return what their copy will be."""
    digest, expected_size, spans, entries, content_size = hashlib.sha256(), 0, 0, 0, 0
    links_out: list[str] = []
    for one in choice.choices():
        line = one.line()
        digest.update(line)
        expected_size += len(line)
        spans += one.span
        entries += 1
        content_size += one.entry.size
        if one.entry.type is EntryType.SYMLINK and len(links_out) < 5 and leads_out(one.entry.path, one.entry.target):
            links_out.append(f"{one.entry.path} -> {one.entry.target}"[:200])
    size = len(_list_header(expected_size)) + _padded(expected_size) + spans + len(_END)
    return CopyFacts(size, digest.hexdigest(), expected_size, entries, content_size, links_out)


def leads_out(path: str, target: str) -> bool:
    """Tell whether a symbolic link says by its words that it leads out of the folder that `path` is relative to."""
    depth = path.count("/")
    for name in target.split("/"):
        depth += -1 if name == ".." else 0 if name in ("", ".") else 1
        if depth < 0:
            return True
    return target.startswith("/")


def copy_pieces(choice: ArchiveChoice, expected_size: int) -> Iterator[bytes | Stretch]:
    """Yield the copy: bytes, and stretches of the archive that somebody else reads."""
    yield _list_header(expected_size)
    for one in choice.choices():
        yield one.line()
    yield bytes(_padded(expected_size) - expected_size)
    yield from _stretches(choice.choices())
    yield _END


def _stretches(choices: Iterator[Choice]) -> Iterator[Stretch]:
    """Yield the members, those that lie close to one another in one stretch."""
    pieces: list[tuple[int, int]] = []
    for one in choices:
        end = pieces[-1][1] if pieces else 0
        if not one.span:
            continue
        if pieces and not end <= one.offset <= end + _GAP:
            yield Stretch(pieces)
            pieces = []
        if pieces and pieces[-1][1] == one.offset:
            pieces[-1] = (pieces[-1][0], one.offset + one.span)
        else:
            pieces.append((one.offset, one.offset + one.span))
    if pieces:
        yield Stretch(pieces)


def _list_header(size: int) -> bytes:
    info = TarInfo(EXPECTED_MEMBER)
    info.size, info.mode = size, 0o600
    return info.tobuf(PAX_FORMAT)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
