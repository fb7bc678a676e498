"""The headers of an archive's members: tar in its PAX form, which GNU tar, bsdtar and Python read alike."""

import re
import tarfile

TAR_BLOCK = 512
SPARSE_NAME = "GNUSparseFile.0/file"
"""The name in the header of a file with holes, whose own name stands in the PAX records: the reader must meet no other."""

LARGEST_SPARSE = 8**11 - 1
"""The most that a plain header can say a member has; a PAX record of the size would be taken for the size with the holes."""


class MemberMeta:
    """What is kept of anything beside its content; `xattrs` by name, `mtime_ns` since 1970."""

    def __init__(self, mode: int, uid: int, gid: int, user: str, group: str, mtime_ns: int, xattrs: "dict[str, bytes]") -> None:
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.user = user
        self.group = group
        self.mtime_ns = mtime_ns
        self.xattrs = xattrs


def member_header(name: str, kind: bytes, meta: MemberMeta, size: int = 0, target: str = "", sparse_size: int = -1) -> bytes:
    """Return a member's header with its PAX records; `kind` is one of tarfile's types, names may hold surrogate escapes.

    A file with holes has its whole size as `sparse_size`, and as `size` what its map and its data take.
    """
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = size
    info.mode = meta.mode
    info.uid, info.gid, info.uname, info.gname = meta.uid, meta.gid, meta.user, meta.group
    info.mtime = max(0, meta.mtime_ns // 1000000000)
    info.linkname = target
    records = {"mtime": _mtime_text(meta.mtime_ns)}
    if sparse_size >= 0:
        info.name = SPARSE_NAME
        records.update({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name})
        records["GNU.sparse.realsize"] = str(sparse_size)
    for key, value in sorted(meta.xattrs.items()):
        records["SCHILY.xattr." + _record_key(key)] = value.decode("utf-8", "surrogateescape")
    info.pax_headers = records
    return info.tobuf(format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape")


def sparse_map(segments: "list[tuple[int, int]]", size: int) -> bytes:
    """Return where the data of a file with holes lies, as GNU's sparse format 1.0 has it, in whole blocks."""
    told = segments if segments and sum(segments[-1]) == size else [*segments, (size, 0)]  # what ends in a hole needs an end
    numbers = [len(told)] + [number for segment in told for number in segment]
    text = "".join(f"{number}\n" for number in numbers).encode()
    return text + tar_padding(len(text))


def tar_padding(size: int) -> bytes:
    """Return the zeros that fill up the last block of so many bytes."""
    return b"\0" * (-size % TAR_BLOCK)


def _mtime_text(nanoseconds: int) -> str:
    sign = "-" if nanoseconds < 0 else ""
    seconds, rest = divmod(abs(nanoseconds), 1000000000)
    return f"{sign}{seconds}.{rest:09d}"


def _record_key(name: str) -> str:
    """Return an attribute's name without what ends a key, written as GNU tar does."""
    return re.sub("[%=]", lambda match: "%25" if match.group() == "%" else "%3D", name)
