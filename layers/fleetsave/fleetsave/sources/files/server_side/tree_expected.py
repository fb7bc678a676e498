"""What the new tree is to hold, as our side lists it: nothing else is ever made, and nothing is made that breaks the rules."""

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from fleetsave.sources.files.server_side.tree_entries import KEPT_ATTRIBUTES
from fleetsave.sources.files.server_side.tree_workplace import EXPECTED, TreeWorkplace
from fleetsave.sources.sqlite.server_side.ground import RefusedError

KINDS_OF_ENTRIES = ("file", "directory", "symlink", "hardlink")
LONGEST_LINE_OF_EXPECTED = 1 << 20
LARGEST_SIZE, LARGEST_OWNER = (1 << 63) - 1, (1 << 32) - 2
LARGEST_TIME = LARGEST_SIZE * 1000000000
"""The largest numbers that the system takes; Python raises errors of many kinds for larger ones."""


class ExpectedEntry:
    """One thing that is to be: `path` relative to the target, `.` for itself; `member` its name in the archive, if it has one.

    `is_way` tells that a folder is none of the chosen: it is made if it is missing. A hard link's `target` is another entry's
    path. Raise RefusedError for what may not be.
    """

    def __init__(self, values: "dict[str, Any]") -> None:
        self.path = encoded_path(values["path"])
        self.kind = str(values["type"])
        self.member = str(values.get("member", ""))
        self.is_way = bool(values.get("way", False))
        self.size = int(values.get("size", 0))
        self.mode = int(values.get("mode", 0)) & 0o7777
        self.mtime_ns = int(values.get("mtime_ns", 0))
        # A folder that the archive has no member for has no owner and no time.
        self.is_of_nobody = self.is_way and "mtime_ns" not in values
        self.uid, self.gid = int(values.get("uid", 0)), int(values.get("gid", 0))
        self.sha256 = str(values.get("sha256", ""))
        self.target = str(values.get("target", "")).encode("utf-8", "surrogateescape")
        self.xattrs = {str(name): base64.b64decode(value) for name, value in values.get("xattrs", {}).items()}
        if self.kind not in KINDS_OF_ENTRIES or self.size < 0 or b"\0" in self.target:
            raise RefusedError("bad_entry", f"{values['path']!r} is none of {', '.join(KINDS_OF_ENTRIES)}")
        if self.path == b"." and self.kind != "directory":
            raise RefusedError("bad_entry", "the folder itself is said to be none")
        owners = (self.uid, self.gid)
        if (
            self.size > LARGEST_SIZE
            or not all(0 <= owner <= LARGEST_OWNER for owner in owners)
            or abs(self.mtime_ns) > LARGEST_TIME
        ):
            raise RefusedError("bad_entry", f"{values['path']!r} has a size, an owner or a time that nothing can have")
        if not all(may_be_given(name) for name in self.xattrs):
            raise RefusedError("bad_entry", f"{values['path']!r} has an attribute that no capture takes")
        if self.kind == "hardlink":
            self.target = encoded_path(values["target"])

    @property
    def is_folder(self) -> bool:
        """Tell whether it is a folder."""
        return self.kind == "directory"

    @property
    def leads_out(self) -> bool:
        """Tell whether it is a symbolic link out of the target, by its words."""
        if self.kind != "symlink":
            return False
        depth = self.path.count(b"/")
        for name in self.target.split(b"/"):
            depth += -1 if name == b".." else 0 if name in (b"", b".") else 1
            if depth < 0:
                return True
        return self.target.startswith(b"/")


def encoded_path(text: object) -> bytes:
    """Return a relative path as bytes. Raise RefusedError if it leads anywhere else, or says its way in another form."""
    path = str(text).encode("utf-8", "surrogateescape")
    if path != b"." and (b"\0" in path or any(name in (b"", b".", b"..") for name in path.split(b"/"))):
        raise RefusedError("bad_entry", f"{str(text)[:200]!r} is no path below the folder")
    return path


def may_be_given(attribute: str) -> bool:
    """Tell whether an extended attribute is one that captures take; others say something to the system itself."""
    return "\0" not in attribute and (attribute.startswith("user.") or attribute in KEPT_ATTRIBUTES)


def expected_entries(place: TreeWorkplace) -> "Iterator[ExpectedEntry]":
    """Yield the entries of the list that lies in the workplace. Raise RefusedError for one that may not be."""
    with open(place.file(EXPECTED), "rb") as file:
        while True:
            line = file.readline(LONGEST_LINE_OF_EXPECTED)
            if not line:
                return
            yield _read_entry(line)


def _read_entry(line: bytes) -> ExpectedEntry:
    try:
        return ExpectedEntry(json.loads(line.decode("ascii")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, binascii.Error):
        raise RefusedError("bad_entry", f"a line of the list cannot be read: {line[:100]!r}") from None
