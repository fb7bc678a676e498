"""An archive in memory."""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass, field

import zstandard

from fleetsave.model.archives import ArchiveProblem, ArchiveReport, ManifestReport
from fleetsave.model.errors import FleetsaveError

MANIFEST = b'{"fleetsave_manifest": 1, "snapshot_id": "00"}\n'


@dataclass
class FakeArchive:
    """Gives `content` in two pieces; `failure` comes after the first, where there is one."""

    content: bytes
    source_path: str = "/srv/game"
    problems: list[ArchiveProblem] = field(default_factory=list)
    failure: FleetsaveError | None = None

    @property
    def beside(self) -> bytes:
        return zstandard.compress(MANIFEST)

    def chunks(self) -> Generator[bytes]:
        half = len(self.content) // 2
        yield self.content[:half]
        if self.failure is not None:
            raise self.failure
        yield self.content[half:]

    def report(self, beside_key: str, sha256: str) -> ArchiveReport:
        words = [one.problem for one in self.problems]
        return ArchiveReport(
            snapshot_id="0" * 32, method="archive", size=len(self.content), sha256=sha256, sha256_origin="source", seconds=1.5,
            source_path=self.source_path, runtime="python 3.11.2",
            manifest=ManifestReport(beside_key, hashlib.sha256(MANIFEST).hexdigest(), len(MANIFEST)),
            files=2, directories=1, links=0, content_size=10, databases=[],
            problems={word: words.count(word) for word in words}, named=self.problems,
        )  # fmt: skip
