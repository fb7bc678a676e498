"""The fleet: what is to be protected. One pydantic schema, the only reader of `fleet.yaml`."""

import re
from datetime import timedelta
from typing import Any

from pydantic import Field, model_validator

from fleetsave.model.fleet_parts import AbsolutePath, Duration, Identifier, Retention, Ssh, Strict
from fleetsave.model.fleet_postgresql import Postgresql, PostgresqlDatabase
from fleetsave.model.keys import CENTRAL_SERVER_ID, SAFETY_TELLS_APART, ArtifactId, BackupKey
from fleetsave.model.kinds import Compression, DumpFormat, Kind
from fleetsave.model.policy import RetentionPolicy
from fleetsave.model.slots import Slot

__all__ = [
    "Defaults",
    "Duration",
    "Fleet",
    "Postgresql",
    "PostgresqlDatabase",
    "RecoveryAccess",
    "Retention",
    "Server",
    "SqliteDatabase",
    "Ssh",
]

_GLOB = re.compile(r"[*?\[]")


class SqliteDatabase(Strict):
    """One SQLite database, or many by a glob."""

    name: Identifier = Field(default="database", description="artifact name; with a glob, the beginning of each name")
    path: AbsolutePath = Field(description="absolute path on the server; *, ? and [] match several files")
    literal: bool = Field(default=False, description="take *, ? and [ in the path for what they are: a file of that very name")
    compression: Compression = Compression.ZSTD
    fingerprint: bool = Field(
        default=True, description="count the rows of every table inside the snapshot, and compare after restore"
    )
    checks: dict[Identifier, str] = Field(
        default_factory=dict, description="your own SQL, each one SELECT whose first row must be equal on the restored copy"
    )
    deadline: Duration = Field(default=timedelta(minutes=5), description="longest time a snapshot may take, lock waits included")
    lock_limit: Duration = Field(
        default=timedelta(seconds=60), description="longest time a rollback-journal database may be read-locked"
    )
    retention: Retention = Retention()

    @property
    def is_glob(self) -> bool:
        """Tell whether `path` may match several files."""
        return not self.literal and bool(_GLOB.search(self.path))


class RecoveryAccess(Strict):
    """How backups are restored to a server; without it, as the account that backs up, with a secret of its own."""

    user: str | None = Field(
        default=None, min_length=1, description="account to restore as, root or the owner of the databases; by default ssh.user"
    )
    key_secret: str | None = Field(
        default=None,
        min_length=1,
        description="name of the secret with that account's private key; by default ssh.key_secret with restore- for read-",
    )
    before: str | None = Field(
        default=None, min_length=1, description="command, for sh, that stops what uses the databases; it may run twice"
    )
    after: str | None = Field(
        default=None, min_length=1, description="command, for sh, that starts it again, whatever came of the recovery"
    )
    hook_timeout: Duration = Field(default=timedelta(minutes=2), description="longest time either command may take")
    folders: list[AbsolutePath] = Field(
        default_factory=list, description="folders besides a database's own into which it may be restored under another path"
    )


class Server(Strict):
    """A game server and what to back up on it."""

    id: Identifier
    ssh: Ssh
    staging: AbsolutePath | None = Field(
        default=None, description="folder on the server for snapshots; by default a private one under /var/tmp"
    )
    python: str | None = Field(default=None, description="Python on the server, if it is not python3 on the PATH")
    databases: list[SqliteDatabase] = Field(default_factory=list)
    recovery: RecoveryAccess = RecoveryAccess()
    retention: Retention = Retention()

    @property
    def restore_ssh(self) -> Ssh:
        """Return how the recovery logs in: the server as it is pinned, with the account and the secret for restoring."""
        secret = self.recovery.key_secret or self.ssh.key_secret.replace("/ssh/read-", "/ssh/restore-")
        return self.ssh.model_copy(update={"user": self.recovery.user or self.ssh.user, "key_secret": secret})

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Server":
        if self.id == CENTRAL_SERVER_ID:
            raise ValueError(f"'{CENTRAL_SERVER_ID}' is the central PostgreSQL's own id; choose another")
        names = [database.name for database in self.databases]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"database names must differ: {', '.join(doubled)}")
        reserved = next((name for name in names if f"{name}-".startswith("safety-")), None)
        if reserved:
            raise ValueError(f"'{reserved}' is the name of a backup made before a recovery; choose another than safety-...")
        globs = [database.name for database in self.databases if database.is_glob]
        for glob in globs:
            mistakable = next((name for name in names if name.startswith(f"{glob}-")), None)
            if mistakable:
                raise ValueError(f"'{mistakable}' could be the name of a file that the glob '{glob}' matches; rename one of them")
        begun_alike = [name[:SAFETY_TELLS_APART] for name in globs if len(name) >= SAFETY_TELLS_APART]
        if len(set(begun_alike)) < len(begun_alike):
            raise ValueError(f"names of globs must differ in their first {SAFETY_TELLS_APART} characters")
        return self


class Defaults(Strict):
    """What holds for every server that does not say otherwise."""

    retention: Retention = Retention()


class Fleet(Strict):
    """Everything that fleetsave protects."""

    version: int = Field(default=1, ge=1, le=1, description="version of this file's form")
    defaults: Defaults = Defaults()
    servers: list[Server] = Field(default_factory=list)
    postgresql: Postgresql | None = Field(default=None, description="the central PostgreSQL")

    @model_validator(mode="after")
    def _ids_are_unique(self) -> "Fleet":
        if not self.servers and self.postgresql is None:
            raise ValueError("it names nothing to protect: give `servers`, `postgresql`, or both")
        ids = [server.id for server in self.servers]
        doubled = sorted({server_id for server_id in ids if ids.count(server_id) > 1})
        if doubled:
            raise ValueError(f"server ids must differ: {', '.join(doubled)}")
        return self

    @property
    def server_ids(self) -> list[str]:
        """Return the ids under which anything is backed up, the central PostgreSQL's among them, in the file's order."""
        return [*(server.id for server in self.servers), *([CENTRAL_SERVER_ID] if self.postgresql else [])]

    def artifact_ids(self, kind: Kind) -> list[ArtifactId]:
        """Return every configured artifact of a kind, in the file's order; a glob counts once, by its own name."""
        if kind is Kind.POSTGRESQL:
            dumped = self.postgresql.databases if self.postgresql else []
            return [ArtifactId(CENTRAL_SERVER_ID, kind, database.name) for database in dumped]
        return [ArtifactId(server.id, kind, database.name) for server, database in self.artifacts(kind)]

    def artifacts(self, kind: Kind) -> list[tuple[Server, SqliteDatabase]]:
        """Return every configured artifact of a kind that game servers have, with its server; a glob counts once."""
        if kind is not Kind.DATABASE:
            return []
        return [(server, database) for server in self.servers for database in server.databases]

    def find(self, artifact_id: ArtifactId) -> tuple[Server, SqliteDatabase] | None:
        """Return the server and the configured artifact an id belongs to; a glob owns the names that begin with its own.

        The backups made before a recovery belong to the artifact that was recovered.
        """
        own = [(server, database) for server, database in self.artifacts(artifact_id.kind) if server.id == artifact_id.server_id]
        for owns in (_is, _may_match):
            found = next((one for one in own if owns(one[1], artifact_id)), None)
            if found is not None:
                return found
        return None

    def find_postgresql(self, artifact_id: ArtifactId) -> tuple[Postgresql, PostgresqlDatabase] | None:
        """Return the central PostgreSQL and which of its databases an id belongs to, as `find` does for those of servers."""
        if artifact_id.kind is not Kind.POSTGRESQL or self.postgresql is None:
            return None
        for database in self.postgresql.databases:
            own = ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, database.name)
            if artifact_id in (own, own.safety):
                return self.postgresql, database
        return None

    def names(self, artifact_id: ArtifactId) -> bool:
        """Tell whether an id belongs to anything that is configured."""
        return self.find(artifact_id) is not None or self.find_postgresql(artifact_id) is not None

    def backup_key(self, artifact_id: ArtifactId, slot: Slot) -> BackupKey | None:
        """Return the key of the backup that is made of an artifact for a slot; None if the fleet file does not know it."""
        dumped, found = self.find_postgresql(artifact_id), self.find(artifact_id)
        if dumped is not None:
            return BackupKey(artifact_id, slot, dumped[1].stored_compression, dumped[1].format)
        return None if found is None else BackupKey(artifact_id, slot, found[1].compression, DumpFormat.PLAIN)

    def retention(self, artifact_id: ArtifactId, default_keep_for: timedelta) -> RetentionPolicy | None:
        """Return the policy of an artifact, narrowest setting first; None if the fleet file does not know it."""
        found = self.find(artifact_id) or self.find_postgresql(artifact_id)
        if found is None:
            return None
        wider, narrowest = found
        values: dict[str, Any] = {"keep_for": default_keep_for}
        for level in (self.defaults.retention, wider.retention, narrowest.retention):
            values |= level.model_dump(exclude_none=True)
        return RetentionPolicy(**values)


def _is(database: SqliteDatabase, artifact_id: ArtifactId) -> bool:
    own = ArtifactId(artifact_id.server_id, artifact_id.kind, database.name)
    return artifact_id in (own, own.safety)


def _may_match(database: SqliteDatabase, artifact_id: ArtifactId) -> bool:
    return database.is_glob and (
        artifact_id.artifact.startswith(f"{database.name}-") or artifact_id.is_safety_of_glob(database.name)
    )
