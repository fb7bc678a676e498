"""What is known of an archive: what was asked for, what its manifest says of each member, and how it was taken.

Inside an archive stand `databases/{artifact}.db`, `files/{set}/...`, and last of all `manifest.jsonl`.
"""

from dataclasses import dataclass, field

from fleetsave.model.fingerprints import Fingerprint

MANIFEST_MEMBER = "manifest.jsonl"
"""The last member of every archive; the same bytes stand beside it, compressed."""

DATABASES = "databases"
FILES = "files"

ABSENT_PROBLEMS = frozenset({"unreadable", "vanished", "too_large", "special", "unsafe_database"})
"""Why something that was found has no member: `special` is what has no content (sockets, devices, pipes)."""

PRESENT_PROBLEMS = frozenset({"changed", "grew", "shrunk"})
"""What happened to a file while it was read: rewritten, longer than when it was opened, or shorter and filled up with zeros."""

PARTIAL_PROBLEMS = frozenset({"unreadable", "too_large", "unsafe_database", "changed", "shrunk"})
"""What makes a capture partial: content that is missing, or may be torn. The others are noted."""


@dataclass(frozen=True)
class TreePart:
    """One folder to archive: `path` on the server, `member` its name in the archive, e.g. `files/logs`.

    `include` and `exclude` are patterns relative to `path`: `*`, `?` and `[...]` match within one name, `**` any number of
    folders; what matches a folder means all that is in it. Larger files than `maximum_file_size` bytes are named and left out.
    """

    member: str
    path: str
    include: list[str] = field(default_factory=lambda: ["**"])
    exclude: list[str] = field(default_factory=list)
    maximum_file_size: int | None = None


@dataclass(frozen=True)
class DatabasePart:
    """One SQLite database to archive, captured through SQLite; times in seconds, `checks` None for no fingerprint."""

    member: str
    path: str
    checks: dict[str, str] | None
    deadline: float
    lock_limit: float


@dataclass(frozen=True)
class ArchiveOrder:
    """What one archive is to hold, in its order. `name` names its snapshots on the server, `deadline` is in seconds."""

    name: str
    source_path: str
    deadline: float
    databases: list[DatabasePart]
    trees: list[TreePart]


@dataclass(frozen=True)
class ManifestReport:
    """The manifest: the key of the compressed copy beside the archive, and SHA-256 and size of its plain text."""

    key: str
    sha256: str
    size: int


@dataclass(frozen=True)
class ArchiveProblem:
    """Something that was not captured whole and at rest; `path` as in the manifest."""

    path: str
    problem: str
    detail: str


@dataclass(frozen=True)
class ArchiveReport:
    """How an archive was taken; sizes in bytes, times in seconds.

    `size` and `sha256` are those of the plain tar stream, hashed where it was made and again as it came.
    `content_size` is that of all files as a restore will have them. `databases` are the members captured through SQLite.
    `problems` counts by problem, `named` holds the first of them: the manifest has all.
    """

    snapshot_id: str
    method: str
    size: int
    sha256: str
    sha256_origin: str
    seconds: float
    source_path: str
    runtime: str
    manifest: ManifestReport
    files: int
    directories: int
    links: int
    content_size: int
    databases: list[str]
    problems: dict[str, int]
    named: list[ArchiveProblem]
    notes: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> Fingerprint | None:
        """Return None: each database inside has its own, in the manifest."""
        return None

    @property
    def is_partial(self) -> bool:
        """Tell whether content is missing, or may be torn."""
        return any(problem in PARTIAL_PROBLEMS for problem in self.problems)
