"""The extended header that may stand before a member: records of a length, a keyword and a value (POSIX.1-2008, pax)."""

import re
from collections.abc import Mapping
from tarfile import TarInfo

MAXIMUM_SIZE = 1 << 20
"""Bytes of one extended header: Linux allows 4 KiB of path and, with all attributes of a file, 64 KiB and a little."""

XATTR = "SCHILY.xattr."
SPARSE = "GNU.sparse."
_KNOWN = frozenset(
    {"path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime", "atime", "ctime", "hdrcharset"}
    | {f"{SPARSE}{name}" for name in ("major", "minor", "name", "realsize")}
)
_LENGTH = re.compile(rb"([1-9][0-9]{0,6}) ")
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
_TIME = re.compile(r"(-?)([0-9]{1,19})(?:\.([0-9]{1,9}))?", re.ASCII)
_CHARSETS = ("BINARY", "ISO-IR 10646 2000 UTF-8")


def parse(content: bytes) -> dict[str, str]:
    """Return the records of an extended header. Raise ValueError, saying what is wrong, unless every byte belongs to one."""
    records: dict[str, str] = {}
    position = 0
    while position < len(content):
        match = _LENGTH.match(content, position)
        end = position + int(match[1]) if match else 0
        if match is None or end <= match.end() or end > len(content) or content[end - 1 : end] != b"\n":
            raise ValueError("a record of its extended header has a wrong length")
        name, equals, value = content[match.end() : end - 1].partition(b"=")
        keyword = name.decode("utf-8", "surrogateescape")
        if not equals or keyword in records or not (keyword in _KNOWN or keyword.startswith(XATTR)):
            raise ValueError(f"its extended header says {keyword[:100]!r}, which no archive of ours does, or not once")
        records[keyword] = value.decode("utf-8", "surrogateescape")
        position = end
    if records.get("hdrcharset", _CHARSETS[0]) not in _CHARSETS:
        raise ValueError("its extended header is of an unknown character set")
    return records


def apply(records: Mapping[str, str], member: TarInfo) -> None:
    """Let a member's extended header say what its own header has no room for. Raise ValueError for what is no number."""
    member.name = records.get(f"{SPARSE}name", records.get("path", member.name))
    if member.isdir():
        member.name = member.name.removesuffix("/")
    member.linkname = records.get("linkpath", member.linkname)
    member.uname = records.get("uname", member.uname)
    member.gname = records.get("gname", member.gname)
    for name in ("size", "uid", "gid"):
        if name in records:
            setattr(member, name, number(records[name]))
    member.pax_headers = dict(records)


def number(text: str) -> int:
    """Read a number of at most 19 digits. Raise ValueError for anything else."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} in its extended header is no number")
    return int(text)


def mtime_ns(member: TarInfo) -> int:
    """Return the exact time a member was changed, in nanoseconds since 1970. Raise ValueError if there is none."""
    text = member.pax_headers.get("mtime")
    if text is None:
        return int(member.mtime) * 1_000_000_000
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is no time")
    nanoseconds = int(match[2]) * 1_000_000_000 + int((match[3] or "").ljust(9, "0"))
    return -nanoseconds if match[1] else nanoseconds


def xattrs(member: TarInfo) -> dict[str, bytes]:
    """Return a member's extended attributes, as they are set; their names are written as GNU tar does, with %3D for =."""
    return {
        name.removeprefix(XATTR).replace("%3D", "=").replace("%25", "%"): value.encode("utf-8", "surrogateescape")
        for name, value in member.pax_headers.items()
        if name.startswith(XATTR)
    }
