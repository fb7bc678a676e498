"""All that is asked of an archive, in one pass over its bytes; only databases are written to the disk, one at a time."""

from collections.abc import Callable, Iterator
from pathlib import Path

from fleetsave.archives.manifest_reading import ManifestReading
from fleetsave.checks import archive_manifest, archive_members, archive_problems, archive_report, checksum
from fleetsave.checks.archive_members import MemberComparison
from fleetsave.checks.checksum import ReadBack
from fleetsave.model.archives import ArchiveReport
from fleetsave.model.errors import VerificationError
from fleetsave.model.kinds import Compression
from fleetsave.model.records import Finding, StoredRecord
from fleetsave.store.decompress import plain_chunks
from fleetsave.verify.archived_databases import ArchivedDatabases
from fleetsave.verify.ports import Ports
from fleetsave.verify.read_back import Reading
from fleetsave.verify.verdict import has_failed


def prove(record: StoredRecord, folder: Path, ports: Ports) -> tuple[list[Finding], ReadBack]:
    """Read every member while the stored bytes are hashed, compare it with the manifest, and return every finding.

    Raise VerificationError if a database inside does not fit into `folder`, or if all of it takes longer than the time that is
    left.
    """
    if not isinstance(record.capture, ArchiveReport):
        raise VerificationError("verify", record.key, "its record is not that of an archive", "Back it up again.")
    clock = _Clock(record.key, ports.seconds_left)
    reading = Reading(ports.store, record)
    findings = archive_report.check(record)
    if not has_failed(findings):
        findings += _read(record.capture, reading, folder, ports, clock)
    for _ in clock.timed(reading.chunks):
        pass
    read = reading.finish()
    return [*checksum.check(record, read), *findings], read


def _read(report: ArchiveReport, reading: Reading, folder: Path, ports: Ports, clock: "_Clock") -> list[Finding]:
    """Read the manifest to its end, and then both together: members of a manifest that is not sound are not looked at."""
    findings, summary = archive_manifest.check(report, _manifest(report, ports, clock))
    if has_failed(findings):
        return findings
    databases = ArchivedDatabases(folder, clock.target, ports.seconds_left)
    comparison = MemberComparison(report, summary, databases.restore, clock.look)
    read = comparison.run(reading.chunks, _manifest(report, ports, clock), clock.target)
    return [*findings, *archive_members.check(read), *databases.findings, *archive_problems.check(report, summary)]


def _manifest(report: ArchiveReport, ports: Ports, clock: "_Clock") -> ManifestReading:
    """Begin to read the manifest beside the archive; it is read twice, since it may be too large to be kept."""
    key = report.manifest.key
    chunks = plain_chunks(ports.store.read(key), Compression.ZSTD, target=key)
    return ManifestReading(clock.timed(chunks), key, maximum=report.manifest.size)


class _Clock:
    """The time that a verification of `target` has."""

    def __init__(self, target: str, seconds_left: Callable[[], float]) -> None:
        self.target = target
        self._seconds_left = seconds_left
        self._given = seconds_left()

    def look(self) -> None:
        """Raise VerificationError if the time is up."""
        if self._seconds_left() <= 0:
            raise VerificationError(
                "verify", self.target, f"reading it took longer than {self._given:.0f} s",
                "Give the verify function more memory, which brings more CPU, or make several sets of the folder.",
            )  # fmt: skip

    def timed(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield chunks while there is time."""
        for chunk in chunks:
            self.look()
            yield chunk
