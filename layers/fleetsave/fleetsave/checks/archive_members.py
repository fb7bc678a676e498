"""Do the members of an archive stand as its manifest names them, each with the content that was hashed at the source?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fleetsave.archives.errors import MalformedArchiveError
from fleetsave.archives.manifest_reading import MalformedManifestError, ManifestReading
from fleetsave.archives.names import Walk, encoded
from fleetsave.archives.reading import Member, read_members
from fleetsave.checks import archive_member
from fleetsave.checks.archive_content import ContentRead
from fleetsave.checks.archive_manifest import ManifestSummary
from fleetsave.model.archives import MANIFEST_MEMBER, ArchiveReport, ManifestReport
from fleetsave.model.manifests import Entry, EntryType
from fleetsave.model.records import Finding, Level, Outcome

_NAMED = 10
"""Faults that are named; after so many the rest of the archive is not looked at."""

RestoreDatabase = Callable[[Entry, Iterator[bytes]], Callable[[], None]]
"""Takes a database's content to its end; what it returns judges it, which is asked only once its bytes are proven."""


@dataclass
class MembersRead:
    """What reading all members came to: `faults` of their order and headers, `content_faults` of what is in them."""

    members: int = 0
    files: int = 0
    content_size: int = 0
    faults: list[str] = field(default_factory=list)
    content_faults: list[str] = field(default_factory=list)


def check(read: MembersRead) -> list[Finding]:
    """Tell what reading the members came to; that each is in its place, and apart from it that the contents are the source's."""
    members, contents = (_named(faults) for faults in (read.faults, read.content_faults))
    findings = []
    if members is not None:
        findings.append(Finding("archive_members", Outcome.FAILED, members, Level.RESTORED))
    else:
        detail = (
            f"{read.members} members and the manifest read to the end, in its order: names, types, sizes, modes, owners, times, "
            "targets and places are those it says"
        )
        findings.append(Finding("archive_members", Outcome.PASSED, detail, Level.RESTORED))
    if contents is not None:
        findings.append(Finding("archive_contents", Outcome.FAILED, contents, Level.EQUAL_TO_SOURCE))
    elif members is None:
        detail = f"sha256 of {read.files} files, {read.content_size} bytes, as at the source"
        findings.append(Finding("archive_contents", Outcome.PASSED, detail, Level.EQUAL_TO_SOURCE))
    return findings


class MemberComparison:
    """One pass over an archive and a second one over its manifest, side by side; neither is ever held whole.

    `in_time` is called for every member and chunk, and raises when the time is up. `restore` is given every database.
    """

    def __init__(
        self, report: ArchiveReport, summary: ManifestSummary, restore: RestoreDatabase, in_time: Callable[[], None]
    ) -> None:  # fmt: skip
        self._manifest: ManifestReport = report.manifest
        self._targets = summary.link_targets
        self._restore = restore
        self._in_time = in_time
        self._walk = Walk()
        self._seen_targets: set[int] = set()
        self.read = MembersRead()

    def run(self, chunks: Iterator[bytes], manifest: ManifestReading, target: str) -> MembersRead:
        """Read both to their ends, or until enough faults are known; what `chunks` raises goes through."""
        try:
            self._run(read_members(chunks, target), _Entries(manifest))
        except _EnoughError:
            self.read.faults.append("the rest was not looked at")
        except (MalformedArchiveError, MalformedManifestError) as error:
            self.read.faults.append(error.cause)
        return self.read

    def _run(self, members: Iterator[Member], entries: "_Entries") -> None:
        has_manifest = False
        for member in members:
            self._in_time()
            name = member.info.name
            if has_manifest:
                self._fault(name, "comes after the manifest")
            elif name == MANIFEST_MEMBER:
                has_manifest = True
                self._check_manifest(member)
            else:
                entry = self._entry_of(member, entries)
                if entry is not None:
                    self._check(member, entry)
        while entries.next is not None:
            self._fault(entries.take().path, "is missing")
        if not has_manifest:
            self._fault(MANIFEST_MEMBER, "is missing")
        if entries.sha256 != self._manifest.sha256:
            self._fault(self._manifest.key, "was replaced while it was read")

    def _entry_of(self, member: Member, entries: "_Entries") -> Entry | None:
        """Return a member's entry, after telling of members that are missing before it; None if the manifest has none."""
        name = member.info.name
        fault = self._walk.fault(name, is_folder=member.info.isdir())
        if fault is not None:
            self._fault(name, fault)
        key = _order(name)
        while entries.next is not None and _order(entries.next.path) < key:
            self._fault(entries.take().path, "is missing")
        if entries.next is None or entries.next.path != name:
            self._fault(name, "is not in the manifest")
            return None
        return entries.take()

    def _check(self, member: Member, entry: Entry) -> None:
        self.read.members += 1
        faults = list(archive_member.faults(member, entry))
        if faults:
            self._fault(entry.path, "; ".join(faults))
        elif entry.type is EntryType.FILE:
            self._check_content(member, entry)
        elif entry.type is EntryType.HARDLINK and hash(entry.target) not in self._seen_targets:
            self._fault(entry.path, f"is another name of {entry.target[:200]!r}, which is no file before it")

    def _check_content(self, member: Member, entry: Entry) -> None:
        seen = ContentRead(self._in_time)
        content = seen.through(member.content)
        judge = self._restore(entry, content) if entry.sqlite is not None else None
        for _ in content:
            pass
        self.read.files += 1
        self.read.content_size += entry.size
        if hash(entry.path) in self._targets:
            self._seen_targets.add(hash(entry.path))
        if seen.sha256 != entry.sha256:
            fault = f"has sha256 {seen.sha256}, the source's was {entry.sha256[:64]!r}"
            self._add(self.read.content_faults, entry.path, fault)
        elif judge is not None:
            judge()
        elif seen.is_database:
            # A copy of one in use passes for whole, and is not.
            fault = "is a SQLite database, copied as it lay there and not captured through SQLite"
            self._add(self.read.content_faults, entry.path, fault)

    def _check_manifest(self, member: Member) -> None:
        """Compare the manifest inside with the one that was reported, and so with the one beside."""
        if not member.info.isreg() or member.info.size != self._manifest.size:
            self._fault(MANIFEST_MEMBER, f"has {member.info.size} bytes or is no file, the one beside has {self._manifest.size}")
            return
        seen = ContentRead(self._in_time)
        for _ in seen.through(member.content):
            pass
        if seen.sha256 != self._manifest.sha256:
            self._fault(MANIFEST_MEMBER, f"has sha256 {seen.sha256}, the one beside {self._manifest.sha256}")

    def _fault(self, name: str, fault: str) -> None:
        self._add(self.read.faults, name, fault)

    def _add(self, faults: list[str], name: str, fault: str) -> None:
        faults.append(f"{name[:200]!r} {fault}")
        if len(faults) == _NAMED:
            raise _EnoughError


class _EnoughError(Exception):
    """So many faults are known that more would tell nobody anything."""


class _Entries:
    """The entries that have a member, the next of them in view."""

    def __init__(self, manifest: ManifestReading) -> None:
        self._manifest = manifest
        self._entries = (entry for entry in manifest.entries() if entry.type is not EntryType.ABSENT)
        self.next = next(self._entries, None)

    @property
    def sha256(self) -> str:
        """Return the digest of what was read of the manifest."""
        return self._manifest.sha256

    def take(self) -> Entry:
        """Return the next one."""
        taken, self.next = self.next, next(self._entries, None)
        assert taken is not None  # noqa: S101 - whoever takes has looked
        return taken


def _order(path: str) -> list[bytes]:
    return encoded(path).split(b"/")


def _named(faults: list[str]) -> str | None:
    return "; ".join(faults) or None
