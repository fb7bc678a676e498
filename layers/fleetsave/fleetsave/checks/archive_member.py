"""Is one member of an archive what the manifest says of it? Its content is asked about elsewhere."""

import base64
from collections.abc import Iterator
from tarfile import DIRTYPE, LNKTYPE, REGTYPE, SYMTYPE

from fleetsave.archives import extended_header
from fleetsave.archives.reading import Member
from fleetsave.model.manifests import Entry, EntryType

_TYPES = {REGTYPE: EntryType.FILE, DIRTYPE: EntryType.DIRECTORY, SYMTYPE: EntryType.SYMLINK, LNKTYPE: EntryType.HARDLINK}
_SHOWN = 100


def faults(member: Member, entry: Entry) -> Iterator[str]:
    """Yield in words how a member of the same name differs from its entry."""
    info = member.info
    found_type = _TYPES[info.type]
    if found_type is not entry.type:
        yield f"is a {found_type}, the manifest says {entry.type}"
        return
    try:
        mtime_ns = extended_header.mtime_ns(info)
    except ValueError as error:
        yield str(error)
        return
    is_file = entry.type is EntryType.FILE
    is_link = entry.type in (EntryType.SYMLINK, EntryType.HARDLINK)
    for what, found, told in (
        ("size", info.size, entry.size if is_file else 0),
        ("mode", oct(info.mode), oct(entry.mode)),
        ("user id", info.uid, entry.uid),
        ("group id", info.gid, entry.gid),
        ("user", info.uname, entry.user),
        ("group", info.gname, entry.group),
        ("time in nanoseconds", mtime_ns, entry.mtime_ns),
        ("target", info.linkname if is_link else "", entry.target),
        ("offset", member.offset, entry.offset),
        ("span", member.span, entry.span),
        ("sparseness", member.is_sparse, entry.sparse),
        ("attributes", _encoded(extended_header.xattrs(info)), entry.xattrs),
    ):
        if found != told:
            yield f"has {what} {_told(found)}, the manifest says {_told(told)}"
    if entry.sqlite is not None and not is_file:
        yield "is a database by the manifest, and no file"


def _encoded(xattrs: dict[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(value).decode("ascii") for name, value in xattrs.items()}


def _told(value: object) -> str:
    return repr(value)[:_SHOWN]
