"""A stored manifest that nobody vouches for, line by line."""

import hashlib
import json
from collections.abc import Iterator

from fleetsave.archives.names import encoded, path_fault, printable
from fleetsave.model.errors import CatalogError, VerificationError
from fleetsave.model.manifests import Entry, read_entries

MAXIMUM_SIZE = 2 << 30
"""Plain bytes of a manifest: with 250 bytes a line, those of eight million files."""

MAXIMUM_LINE = 1 << 20
"""Bytes of one line. A path and a target take 4 KiB each, the attributes of a file 64 KiB, a database's report the most."""

_LARGEST = 1 << 63
_SIZES = ("offset", "span", "size", "mode", "uid", "gid")


class MalformedManifestError(VerificationError):
    """These bytes are no manifest of ours.

    Unlike its parent this is a finding about the backup: reading it again gives the same.
    """


class ManifestReading:
    """One pass over the plain bytes of a manifest, hashed on their way, in memory that does not grow.

    `target` names it in errors, `maximum` is how many bytes it may have. `size`, `sha256` and `snapshot_id` are those of what
    was read.
    """

    def __init__(self, chunks: Iterator[bytes], target: str, *, maximum: int) -> None:
        self._chunks = chunks
        self._target = target
        self._maximum = min(maximum, MAXIMUM_SIZE)
        self._digest = hashlib.sha256()
        self.size = 0
        self.snapshot_id = ""

    @property
    def sha256(self) -> str:
        """Return the digest of what was read."""
        return self._digest.hexdigest()

    def entries(self) -> Iterator[Entry]:
        """Yield the entries to the last one.

        Raise MalformedManifestError for what is no manifest; what `chunks` raises goes through.
        """
        try:
            for entry in read_entries(self._lines(), self._target):
                self._require_sane(entry)
                yield entry
        except CatalogError as error:
            raise MalformedManifestError(error.operation, error.target, printable(error.cause), error.hint) from None

    def _lines(self) -> Iterator[bytes]:
        rest = b""
        is_first = True
        for chunk in self._chunks:
            self.size += len(chunk)
            self._digest.update(chunk)
            if self.size > self._maximum:
                raise self._malformed(f"it has more than {self._maximum} bytes")
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > MAXIMUM_LINE or any(len(line) > MAXIMUM_LINE for line in lines):
                raise self._malformed(f"a line has more than {MAXIMUM_LINE} bytes")
            if is_first and lines:
                self.snapshot_id, is_first = _snapshot_id(lines[0]), False
            yield from lines
        if rest:
            raise self._malformed("its last line has no end")

    def _require_sane(self, entry: Entry) -> None:
        """Refuse what no server can have told: it would be met as an error of ours further down."""
        fault = path_fault(entry.path)
        if fault is not None:
            raise self._malformed(f"{entry.path[:200]!r} {fault}")
        if any(getattr(entry, name) >= _LARGEST for name in _SIZES) or abs(entry.mtime_ns) >= 1 << 80:
            raise self._malformed(f"{entry.path[:200]!r} has a number beyond reason")
        if not all(isinstance(value, str) for value in entry.xattrs.values()):
            raise self._malformed(f"the attributes of {entry.path[:200]!r} are no text")
        try:
            is_plain = b"\0" not in encoded(entry.target)
        except ValueError:
            is_plain = False
        if not is_plain:
            raise self._malformed(f"the target of {entry.path[:200]!r} is none that a link can have")

    def _malformed(self, cause: str) -> MalformedManifestError:
        return MalformedManifestError(
            "read manifest", self._target, cause, "It is not what a capture writes; use another backup."
        )


def _snapshot_id(line: bytes) -> str:
    """Return the id the first line tells; whether it is a header at all is asked of it elsewhere."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    return str(values.get("snapshot_id", ""))[:100] if isinstance(values, dict) else ""
