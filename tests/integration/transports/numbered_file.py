"""Large files that take little disk and no time to make, in which every misplaced byte shows."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_STRIDE = 1_000_003  # prime, so that marks fall on every offset of blocks and packets
_SLICE = 1 << 20


@dataclass(frozen=True)
class NumberedFile:
    """A sparse file of zeros that bears its own offset every `_STRIDE` bytes."""

    path: str
    size: int
    sha256: str


def make_numbered_file(path: Path, size: int) -> NumberedFile:
    with path.open("wb") as file:
        file.truncate(size)
        for offset in range(0, size - 8, _STRIDE):
            file.seek(offset)
            file.write(offset.to_bytes(8, "big"))
    with path.open("rb") as file:
        return NumberedFile(str(path), size, sha256(iter(lambda: file.read(_SLICE), b"")))


def sha256(chunks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
