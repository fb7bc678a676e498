"""The fleet: what is to be protected. One pydantic schema, the only reader of `fleet.yaml`."""

from datetime import timedelta
from typing import Any

from pydantic import Field, model_validator

from fleetsave.model.fleet_files import FileSet, Full
from fleetsave.model.fleet_parts import Duration, Https, Retention, Ssh, Strict
from fleetsave.model.fleet_postgresql import Postgresql, PostgresqlDatabase
from fleetsave.model.fleet_server import RecoveryAccess, Server, SqliteDatabase
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, BackupKey
from fleetsave.model.kinds import DumpFormat, Kind
from fleetsave.model.policy import RetentionPolicy
from fleetsave.model.slots import Slot

__all__ = [
    "Defaults",
    "Duration",
    "FileSet",
    "Fleet",
    "Full",
    "Https",
    "Postgresql",
    "PostgresqlDatabase",
    "RecoveryAccess",
    "Retention",
    "Server",
    "SqliteDatabase",
    "Ssh",
]


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
        if kind is Kind.DATABASE:
            return [ArtifactId(server.id, kind, database.name) for server, database in self.artifacts(kind)]
        return [ArtifactId(server.id, kind, archived.name) for server, archived in self.archives(kind)]

    def archives(self, kind: Kind) -> list[tuple[Server, FileSet | Full]]:
        """Return every configured artifact that is stored as an archive, with its server."""
        if kind is Kind.FILES:
            return [(server, file_set) for server in self.servers for file_set in server.file_sets]
        return [(server, server.full) for server in self.servers if server.full] if kind is Kind.FULL else []

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

    def find_archive(self, artifact_id: ArtifactId) -> tuple[Server, FileSet | Full] | None:
        """Return the server and the files or the full backup an id belongs to, as `find` does for databases."""
        for server, archived in self.archives(artifact_id.kind):
            own = ArtifactId(server.id, artifact_id.kind, archived.name)
            if artifact_id in (own, own.safety):
                return server, archived
        return None

    def names(self, artifact_id: ArtifactId) -> bool:
        """Tell whether an id belongs to anything that is configured."""
        return any(find(artifact_id) is not None for find in (self.find, self.find_postgresql, self.find_archive))

    def backup_key(self, artifact_id: ArtifactId, slot: Slot) -> BackupKey | None:
        """Return the key of the backup that is made of an artifact for a slot; None if the fleet file does not know it."""
        dumped, found = self.find_postgresql(artifact_id), self.find(artifact_id) or self.find_archive(artifact_id)
        if dumped is not None:
            return BackupKey(artifact_id, slot, dumped[1].stored_compression, dumped[1].format)
        return None if found is None else BackupKey(artifact_id, slot, found[1].compression, DumpFormat.PLAIN)

    def by_server(self) -> dict[str, "Fleet"]:
        """Return the part of the fleet that is about each server: asking it costs the same in a fleet of any size."""
        parts = {server.id: self.model_copy(update={"servers": [server], "postgresql": None}) for server in self.servers}
        central = {CENTRAL_SERVER_ID: self.model_copy(update={"servers": []})} if self.postgresql else {}
        return {**parts, **central}

    def rpo(self, artifact_id: ArtifactId) -> timedelta | None:
        """Return how old the newest verified backup of an artifact may be; None if the fleet file does not say."""
        found = self.find(artifact_id) or self.find_postgresql(artifact_id) or self.find_archive(artifact_id)
        return None if found is None else found[1].rpo

    def retention(self, artifact_id: ArtifactId, default_keep_for: timedelta) -> RetentionPolicy | None:
        """Return the policy of an artifact, narrowest setting first; None if the fleet file does not know it."""
        found = self.find(artifact_id) or self.find_postgresql(artifact_id) or self.find_archive(artifact_id)
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
