"""What is known of a PostgreSQL dump: what the server said in the dump's snapshot, and what the dump's text holds."""

from dataclasses import dataclass, field

from fleetsave.model.fingerprints import Fingerprint
from fleetsave.model.kinds import DumpFormat

LARGE_OBJECTS = "(large objects)"
SEQUENCE_VALUES = "(sequence values)"
"""Names, among those of tables, under which a dump's text keeps what stands in no table; no table's name looks so."""


@dataclass(frozen=True)
class Block:
    """The data of one table as a dump's text holds it: its rows, and the SHA-256 hex of their lines."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class DumpText:
    """A dump as SQL text; an archive of custom format counts by the text that pg_restore makes of it.

    `size` in bytes and `sha256` are those of all of it, `blocks` the data of each table by its name. `schema_sha256` covers
    what is left without data, without the versions of server and pg_dump, and without the key that guards psql.
    """

    size: int
    sha256: str
    schema_sha256: str
    blocks: dict[str, Block]


@dataclass(frozen=True)
class SequenceValue:
    """Where a sequence stood when it was read before the dump; it may have moved on until the dump read it."""

    last_value: int
    increment: int


@dataclass(frozen=True)
class DatabaseProperties:
    """What belongs to a database itself, which a dump of its content leaves out.

    `provider` is `libc`, `icu` or `builtin`. `settings` are the ends of ALTER DATABASE statements, `role_settings` of
    ALTER ROLE ... IN DATABASE, `grants` pairs of what is granted and to whom, as SQL without the database's name.
    """

    owner: str
    encoding: str
    provider: str
    collate: str
    ctype: str
    locale: str | None
    icu_rules: str | None
    connection_limit: int
    settings: list[str] = field(default_factory=list)
    role_settings: list[tuple[str, str]] = field(default_factory=list)
    grants: list[tuple[str, str]] = field(default_factory=list)
    public_may_connect: bool = True


@dataclass(frozen=True)
class GlobalsReport:
    """The object beside a dump that holds roles, tablespaces and the database's own settings; no passwords."""

    key: str
    sha256: str
    size: int


@dataclass(frozen=True)
class DumpReport:
    """How a dump was taken; sizes in bytes, times in seconds.

    `snapshot_id` names the snapshot for ever. `size` and `sha256` are those of what pg_dump wrote, hashed on our side as it
    came. `source_path` is the database's name. `restrict_key` stands in the text, and a dump that is to be compared needs the
    same (psql's `\\restrict`). `bootstrap_superuser` is the role that grants by superusers are written down under.
    """

    snapshot_id: str
    method: str
    format: DumpFormat
    size: int
    sha256: str
    seconds: float
    source_path: str
    server_version: str
    server_version_number: int
    tools_version: str
    restrict_key: str
    database: DatabaseProperties
    database_size: int
    bootstrap_superuser: str
    text: DumpText
    globals: GlobalsReport
    sequences: dict[str, SequenceValue]
    extensions: dict[str, str]
    tablespaces: list[str]
    fingerprint: Fingerprint | None
    notes: list[str] = field(default_factory=list)
    sha256_origin: str = "collector"

    @property
    def server_major(self) -> int:
        """Return the server's major version, e.g. 16."""
        return self.server_version_number // 10_000
