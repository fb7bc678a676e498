"""A manifest on our side: hashed and compressed as it comes, for it may be about millions of files."""

import hashlib

import zstandard

from fleetsave.model.errors import CaptureError
from fleetsave.sources.files.refusals import archive_refusal

_LARGEST_PACKED = 256 << 20


class PackedManifest:
    """Takes a manifest in pieces. `target` names its archive in errors; sizes and digest are those of the plain text."""

    def __init__(self, target: str) -> None:
        self.size = 0
        self._target = target
        self._digest = hashlib.sha256()
        self._packer = zstandard.ZstdCompressor().compressobj()
        self._packed = bytearray()

    def add(self, data: bytes) -> None:
        """Take the next bytes. Raise CaptureError, reason `too_large`, if it would not fit into memory."""
        self.size += len(data)
        self._digest.update(data)
        self._packed += self._packer.compress(data)
        if len(self._packed) > _LARGEST_PACKED:
            raise archive_refusal(
                self._target, "too_large", f"its manifest takes more than {_LARGEST_PACKED >> 20} MiB compressed"
            )

    @property
    def sha256(self) -> str:
        """Return the digest of what came so far."""
        return self._digest.hexdigest()

    def require(self, sha256: str, size: int) -> None:
        """Raise CaptureError unless all of it came, as it was sent."""
        if (self.sha256, self.size) != (sha256, size):
            raise self._altered(sha256, size)

    def frame(self) -> bytes:
        """Return one zstd frame that tells the size of its content; nothing can be added any more."""
        self._packed += self._packer.flush()
        packer = zstandard.ZstdCompressor().compressobj(size=self.size)
        pieces = zstandard.ZstdDecompressor().read_to_iter(bytes(self._packed))
        return b"".join([*(packer.compress(piece) for piece in pieces), packer.flush()])

    def _altered(self, sha256: str, size: int) -> CaptureError:
        cause = f"its manifest came as {self.size} bytes with sha256 {self.sha256}, the server sent {size} with {sha256}"
        return archive_refusal(self._target, "altered_in_transit", cause)
