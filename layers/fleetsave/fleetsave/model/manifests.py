"""The manifest of an archive: lines of JSON, the first one a header, then one for each member in the archive's order.

What was found and has no member stands among them as `absent`, with its problem. Names that are not UTF-8 are written with
surrogate escapes, as Python's `os.fsdecode` has them.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fleetsave.model.errors import CatalogError

VERSION = 1
_HEADER = "fleetsave_manifest"


class EntryType(StrEnum):
    """What a line of a manifest is about."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    ABSENT = "absent"


@dataclass(frozen=True)
class Entry:
    """One member, or something that has none; sizes in bytes.

    `offset` is where the member's first header begins in the plain tar stream, `span` how many bytes it takes up to the next one.
    `size` and `sha256` are those of a file's content as a restore has it, holes included. `target` is what a symlink
    says, or the path of the member that a hard link is another name of. `xattrs` maps names to base64. `sqlite` is how a database
    was captured, in the words of a capture report.
    """

    path: str
    type: EntryType
    offset: int = 0
    span: int = 0
    size: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    user: str = ""
    group: str = ""
    mtime_ns: int = 0
    sha256: str = ""
    target: str = ""
    sparse: bool = False
    xattrs: dict[str, str] = field(default_factory=dict)
    sqlite: dict[str, Any] | None = None
    problem: str = ""
    detail: str = ""


_TYPES = {name: kind for name, kind in Entry.__annotations__.items() if name not in ("type", "sqlite", "xattrs")}


def read_entries(lines: Iterable[bytes], target: str) -> Iterator[Entry]:
    """Read a manifest's lines; `target` names it in errors. Raise CatalogError for whatever is no manifest of ours."""
    numbered = enumerate(lines, 1)
    _, header = next(numbered, (1, b""))
    if _parse(header, 1, target).get(_HEADER) != VERSION:
        raise _unreadable(target, 1, "it is not the header of a manifest of version 1")
    for number, line in numbered:
        yield _entry(_parse(line, number, target), number, target)


def _parse(line: bytes, number: int, target: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        raise _unreadable(target, number, "it is not JSON") from None
    if not isinstance(values, dict):
        raise _unreadable(target, number, "it is no JSON object")
    return values


def _entry(values: dict[str, Any], number: int, target: str) -> Entry:
    unknown = values.keys() - Entry.__annotations__.keys()
    if unknown or "path" not in values or values.get("type") not in list(EntryType):
        raise _unreadable(target, number, f"it lacks path or type, or has what is unknown: {', '.join(sorted(unknown))[:100]}")
    for name, kind in _TYPES.items():
        value = values.get(name)
        if value is not None and (type(value) is not kind or (kind is int and name != "mtime_ns" and value < 0)):
            raise _unreadable(target, number, f"{name} is not what it should be")
    if not isinstance(values.get("xattrs", {}), dict) or not isinstance(values.get("sqlite"), dict | None):
        raise _unreadable(target, number, "xattrs or sqlite is no JSON object")
    return Entry(**{**values, "type": EntryType(values["type"])})


def _unreadable(target: str, number: int, cause: str) -> CatalogError:
    return CatalogError("read manifest", f"{target} line {number}", cause, "The object is damaged or of a newer fleetsave.")
