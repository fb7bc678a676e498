"""Is the manifest beside an archive the one that was written, and does it tell what the report does?"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from fleetsave.archives.manifest_reading import MalformedManifestError, ManifestReading
from fleetsave.archives.names import leads_out, printable
from fleetsave.model.archives import ABSENT_PROBLEMS, DATABASES, PRESENT_PROBLEMS, ArchiveReport
from fleetsave.model.errors import ObjectNotFoundError, VerificationError
from fleetsave.model.manifests import Entry, EntryType
from fleetsave.model.records import Finding, Level, Outcome
from fleetsave.store.decompress import DamagedStreamError

_NAMED = 5
_MAXIMUM_TARGETS = 1_000_000
"""Files with further names that are remembered, a hundred bytes each."""


@dataclass
class ManifestSummary:
    """What a whole manifest says, in few words.

    `link_targets` are the hashes of the files that hard links are further names of, `links_out` the first symbolic links that
    lead out of their set, `links_out_count` how many there are.
    """

    types: Counter[EntryType] = field(default_factory=Counter)
    content_size: int = 0
    databases: int = 0
    databases_as_told: bool = True
    problems: Counter[str] = field(default_factory=Counter)
    link_targets: set[int] = field(default_factory=set)
    links_out: list[str] = field(default_factory=list)
    links_out_count: int = 0

    @property
    def members(self) -> int:
        """Return how many members the archive should have, the manifest not among them."""
        return self.types.total() - self.types[EntryType.ABSENT]


def check(report: ArchiveReport, reading: ManifestReading) -> tuple[list[Finding], ManifestSummary]:
    """Read the manifest to its end, and compare it with the report.

    Raise VerificationError if more hard links are in it than can be followed here; what the store raises goes through, but for
    a manifest that is not there, which is a finding.
    """
    summary = ManifestSummary()
    try:
        faults = list(_faults(report, reading, summary))
    except ObjectNotFoundError:
        faults = [f"there is no object at {report.manifest.key}"]
    except (MalformedManifestError, DamagedStreamError) as error:
        faults = [f"{error.target}: {error.cause}"]
    if faults:
        return [Finding("archive_manifest", Outcome.FAILED, "; ".join(faults), Level.CHECKSUM)], summary
    detail = f"{summary.members} members in {reading.size} bytes at {report.manifest.key}, sha256 equal, counts as reported"
    return [Finding("archive_manifest", Outcome.PASSED, detail, Level.CHECKSUM)], summary


def _faults(report: ArchiveReport, reading: ManifestReading, summary: ManifestSummary) -> Iterator[str]:
    for entry in reading.entries():
        fault = _entry_fault(entry)
        if fault is not None:
            yield f"{entry.path[:200]!r} {fault}"
            return
        _add(entry, report, summary)
    if (reading.size, reading.sha256) != (report.manifest.size, report.manifest.sha256):
        yield (
            f"{reading.size} bytes with sha256 {reading.sha256} are stored at {report.manifest.key}, "
            f"{report.manifest.size} with {report.manifest.sha256} were written"
        )
        return
    if reading.snapshot_id != report.snapshot_id:
        yield f"it is that of snapshot {reading.snapshot_id!r}, not {report.snapshot_id!r}"
    links = summary.types[EntryType.SYMLINK] + summary.types[EntryType.HARDLINK]
    for what, found, told in (
        ("files", summary.types[EntryType.FILE], report.files),
        ("folders", summary.types[EntryType.DIRECTORY], report.directories),
        ("links", links, report.links),
        ("bytes of content", summary.content_size, report.content_size),
        ("databases", summary.databases, len(report.databases)),
    ):
        if found != told:
            yield f"it names {found} {what}, the report {told}"
    if not summary.databases_as_told:
        yield "its databases are not those of the report"
    if summary.problems != report.problems:
        yield f"its problems are {dict(summary.problems)}, the report's {report.problems}"


def _entry_fault(entry: Entry) -> str | None:
    """Return what an entry lacks: nothing is absent without a problem, and no configured database there without a report."""
    is_absent = entry.type is EntryType.ABSENT
    if is_absent and entry.problem not in ABSENT_PROBLEMS:
        return f"is absent, and its problem is {entry.problem[:50]!r}"
    if entry.problem and entry.problem not in ABSENT_PROBLEMS | PRESENT_PROBLEMS:
        return f"has the unknown problem {entry.problem[:50]!r}"
    if entry.type is EntryType.FILE and entry.sqlite is None and entry.path.startswith(f"{DATABASES}/"):
        return "is a database, and nothing says how it was captured"
    if is_absent and (entry.offset or entry.span or entry.sqlite is not None):
        return "is absent, and has a place in the archive"
    return None


def _add(entry: Entry, report: ArchiveReport, summary: ManifestSummary) -> None:
    summary.types[entry.type] += 1
    if entry.problem:
        summary.problems[entry.problem] += 1
    if entry.type is EntryType.FILE:
        summary.content_size += entry.size
    elif entry.type is EntryType.HARDLINK:
        summary.link_targets.add(hash(entry.target))
        _require_few(summary, report)
    elif entry.type is EntryType.SYMLINK and leads_out(entry.path, entry.target):
        summary.links_out_count += 1
        if len(summary.links_out) < _NAMED:
            summary.links_out.append(f"{entry.path[:200]!r} to {entry.target[:200]!r}")
    if entry.sqlite is not None:
        told = report.databases[summary.databases : summary.databases + 1]
        summary.databases_as_told = summary.databases_as_told and told == [printable(entry.path)]
        summary.databases += 1


def _require_few(summary: ManifestSummary, report: ArchiveReport) -> None:
    if len(summary.link_targets) > _MAXIMUM_TARGETS:
        raise VerificationError(
            "verify", report.manifest.key, f"hard links lead to more than {_MAXIMUM_TARGETS} files",
            "Exclude folders that are made of hard links, such as older backups.",
        )  # fmt: skip
