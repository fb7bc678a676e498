"""The manifest while it grows: its lines are kept compressed, for it comes last and may be about millions of files."""

import hashlib
import json
import zlib
from collections.abc import Iterator


class ManifestLines:
    """Lines of JSON: a header that names the archive, then an entry for each member. Sizes and `sha256` are of the plain text."""

    def __init__(self, snapshot_id: str) -> None:
        self.size = 0
        self._digest = hashlib.sha256()
        self._packer = zlib.compressobj(6)
        self._packed = []  # type: list[bytes]
        self.add({"fleetsave_manifest": 1, "snapshot_id": snapshot_id})

    def add(self, values: "dict[str, object]") -> None:
        """Add one line; it is pure ASCII."""
        line = json.dumps(values, separators=(",", ":")).encode() + b"\n"
        self.size += len(line)
        self._digest.update(line)
        packed = self._packer.compress(line)
        if packed:
            self._packed.append(packed)

    @property
    def sha256(self) -> str:
        """Return the digest of all lines so far."""
        return self._digest.hexdigest()

    def pieces(self, largest: int) -> "Iterator[bytes]":
        """Yield the whole text in pieces of at most `largest` bytes; nothing can be added any more."""
        self._packed.append(self._packer.flush())
        unpacker = zlib.decompressobj()
        for packed in self._packed:
            rest = packed
            while rest:
                piece = unpacker.decompress(rest, largest)
                if piece:
                    yield piece
                rest = unpacker.unconsumed_tail
        piece = unpacker.flush()
        if piece:
            yield piece
