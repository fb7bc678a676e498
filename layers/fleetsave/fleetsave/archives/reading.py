"""The members of a tar stream, one after the other, as a capture writes them and nothing else.

tarfile reads each header block. What stands around them is read here, since tarfile's streams give an extended header as
much memory as it asks for, keep every member, take a damaged header for the end of the archive, and cannot tell the stored
size of a large sparse file from its real one (CPython 3.11, tarfile.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from tarfile import DIRTYPE, LNKTYPE, REGTYPE, SYMTYPE, XHDTYPE, HeaderError, TarInfo

from fleetsave.archives import extended_header
from fleetsave.archives.errors import malformed
from fleetsave.archives.plain_stream import PlainStream
from fleetsave.archives.sparse import BLOCK, Extents, read_extents

MAXIMUM_SIZE = 1 << 63
"""No file system has larger files."""

_TYPES = (REGTYPE, DIRTYPE, SYMTYPE, LNKTYPE)
_ZEROS = bytes(BLOCK)


@dataclass(frozen=True)
class Member:
    """One member: `offset` is where its first header begins in the plain stream, `span` how many bytes it takes up to the next.

    `info.size` is its size as a restore has it. `content` gives its bytes once, until the next member is asked for, in chunks
    of at most 1 MiB, holes as zeros; it raises MalformedArchiveError if the stream ends meanwhile.
    """

    info: TarInfo
    offset: int
    span: int
    is_sparse: bool
    content: Iterator[bytes]


def read_members(chunks: Iterator[bytes], target: str) -> Iterator[Member]:
    """Yield the members of an archive up to its very last byte; `target` names it in errors.

    Content that nobody has read is read over. Raise MalformedArchiveError for whatever a capture does not write: damage, a
    missing end, bytes after it, devices, global headers, extended headers beyond reason; what `chunks` raises goes through.
    """
    stream = PlainStream(chunks, target)
    while (member := _next(stream)) is not None:
        yield member
        # Not by its content: a hole that nobody asked for may be larger than there is time.
        stream.skip(member.offset + member.span - stream.position)
    if stream.read(BLOCK) != _ZEROS:
        raise malformed(target, stream.position - BLOCK, "one block of zeros alone is no end")
    if not stream.at_end:
        raise malformed(target, stream.position, "bytes follow its end")


def _next(stream: PlainStream) -> Member | None:
    """Read the headers of the next member, and the map of a sparse one; None at the end."""
    offset = stream.position
    try:
        header = _header(stream)
        if header is None:
            return None
        records: dict[str, str] = {}
        if header.type == XHDTYPE:
            records = _extended(stream, header.size)
            header = _header(stream)
        if header is None or header.type not in _TYPES:
            kind = "the end" if header is None else f"type {header.type!r}"
            raise ValueError(f"{kind} stands where a file, folder or link should")  # noqa: TRY301 - told with its position
        extended_header.apply(records, header)
        return _member(stream, header, offset)
    except (ValueError, OverflowError, HeaderError) as error:
        raise malformed(stream.target, stream.position, str(error) or "a number is out of range") from None


def _header(stream: PlainStream) -> TarInfo | None:
    """Read one header block, None if it is one of zeros. Raise ValueError or HeaderError for what is no header."""
    block = stream.read(BLOCK)
    if block == _ZEROS:
        return None
    header = TarInfo.frombuf(block, "utf-8", "surrogateescape")
    if not 0 <= header.size < MAXIMUM_SIZE:
        raise ValueError(f"a member says it has {header.size} bytes")
    return header


def _extended(stream: PlainStream, size: int) -> dict[str, str]:
    if size > extended_header.MAXIMUM_SIZE:
        raise ValueError(f"an extended header has {size} bytes, more than {extended_header.MAXIMUM_SIZE}")
    content = stream.read(size)
    stream.skip(-size % BLOCK)
    return extended_header.parse(content)


def _member(stream: PlainStream, info: TarInfo, offset: int) -> Member:
    """Return the member whose headers were read; its stored bytes come next."""
    if info.size and info.type != REGTYPE:
        raise ValueError(f"{info.name[:100]!r} is no file, and says it has {info.size} bytes")
    stored_size = info.size
    span = stream.position + stored_size + -stored_size % BLOCK - offset
    extents = _extents(stream, info)
    if extents is None:
        return Member(info, offset, span, is_sparse=False, content=stream.pieces(stored_size))
    info.size = extents.size
    return Member(info, offset, span, is_sparse=True, content=extents.content(stream))


def _extents(stream: PlainStream, info: TarInfo) -> Extents | None:
    told = {name: value for name, value in info.pax_headers.items() if name.startswith(extended_header.SPARSE)}
    if not told:
        return None
    version = tuple(told.pop(f"{extended_header.SPARSE}{name}", "") for name in ("major", "minor"))
    if version != ("1", "0") or len(told) != 2 or info.type != REGTYPE:
        raise ValueError("a sparse file is not one of version 1.0")
    size = extended_header.number(told[f"{extended_header.SPARSE}realsize"])
    return read_extents(stream, size=size, stored_size=info.size)
