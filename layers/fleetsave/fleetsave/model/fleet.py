"""The fleet: what is to be protected. One pydantic schema, the only reader of `fleet.yaml`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.keys import CENTRAL_SERVER_ID, SAFETY_TELLS_APART, ArtifactId, parse_id
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.policy import RetentionPolicy

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_GLOB = re.compile(r"[*?\[]")


def _check_id(text: str) -> str:
    try:
        return parse_id(text, "id")
    except InvalidInputError as error:
        raise ValueError(f"{error.cause}: {error.hint}") from None


def _read_duration(value: object) -> object:
    """Turn `30d`, `12h`, `90m`, `45s`, `2w` into a time span; leave everything else to pydantic."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError("write a duration as a number and a unit, for example 30d, 12h, 90m, 45s or 2w")
        try:
            return timedelta(**{_UNITS[match[2]]: float(match[1])})
        except OverflowError:
            raise ValueError("the duration is too long") from None
    if isinstance(value, timedelta):
        return value
    raise ValueError("write a duration as text with a unit, for example 30d")


def _check_absolute(path: str) -> str:
    if not path.startswith("/") or "\0" in path:
        raise ValueError("write an absolute path, beginning with /")
    return path


Identifier = Annotated[str, AfterValidator(_check_id)]
Duration = Annotated[timedelta, BeforeValidator(_read_duration, json_schema_input_type=str), Field(gt=timedelta(0))]
AbsolutePath = Annotated[str, AfterValidator(_check_absolute)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Retention(_Strict):
    """How long backups are kept; what is left out comes from the next wider place: artifact, server, defaults."""

    keep_for: Duration | None = Field(default=None, description="age after which a backup may be deleted, e.g. 30d")
    keep_last: int | None = Field(default=None, ge=1, description="newest verified backups kept whatever their age")
    hourly: int | None = Field(default=None, ge=0, description="thin: keep one for each of so many hours")
    daily: int | None = Field(default=None, ge=0, description="thin: keep one for each of so many days")
    weekly: int | None = Field(default=None, ge=0, description="thin: keep one for each of so many weeks")
    monthly: int | None = Field(default=None, ge=0, description="thin: keep one for each of so many months")
    maximum_share: float | None = Field(default=None, gt=0, le=1, description="greatest part one run may delete")


class Ssh(_Strict):
    """How to reach a server over SSH."""

    host: str = Field(min_length=1, description="host name or address")
    port: int = Field(default=22, ge=1, le=65535)
    user: str = Field(min_length=1, description="account to log in as; it needs no more than to read the databases")
    host_keys: list[str] = Field(
        min_length=1, description="pinned public host keys, as in known_hosts: 'ssh-ed25519 AAAA...'; none is ever learnt"
    )
    key_secret: str = Field(min_length=1, description="name of the secret that holds the private key; never the key itself")
    connect_timeout: Duration = Field(default=timedelta(seconds=15))

    @model_validator(mode="before")
    @classmethod
    def _refuse_private_keys(cls, values: Any) -> Any:
        for value in values.values() if isinstance(values, dict) else ():
            if isinstance(value, str) and "PRIVATE KEY" in value:
                raise ValueError(
                    "a private key does not belong in the fleet file: store it as a secret and name it in key_secret"
                )
        return values


class SqliteDatabase(_Strict):
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


class RecoveryAccess(_Strict):
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


class Server(_Strict):
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


class Defaults(_Strict):
    """What holds for every server that does not say otherwise."""

    retention: Retention = Retention()


class Fleet(_Strict):
    """Everything that fleetsave protects."""

    version: int = Field(default=1, ge=1, le=1, description="version of this file's form")
    defaults: Defaults = Defaults()
    servers: list[Server] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> "Fleet":
        ids = [server.id for server in self.servers]
        doubled = sorted({server_id for server_id in ids if ids.count(server_id) > 1})
        if doubled:
            raise ValueError(f"server ids must differ: {', '.join(doubled)}")
        return self

    def artifacts(self, kind: Kind) -> list[tuple[Server, SqliteDatabase]]:
        """Return every configured artifact of a kind with its server, in the file's order; a glob counts once."""
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

    def retention(self, artifact_id: ArtifactId, default_keep_for: timedelta) -> RetentionPolicy | None:
        """Return the policy of an artifact, narrowest setting first; None if the fleet file does not know it."""
        found = self.find(artifact_id)
        if found is None:
            return None
        server, database = found
        values: dict[str, Any] = {"keep_for": default_keep_for}
        for level in (self.defaults.retention, server.retention, database.retention):
            values |= level.model_dump(exclude_none=True)
        return RetentionPolicy(**values)


def _is(database: SqliteDatabase, artifact_id: ArtifactId) -> bool:
    own = ArtifactId(artifact_id.server_id, artifact_id.kind, database.name)
    return artifact_id in (own, own.safety)


def _may_match(database: SqliteDatabase, artifact_id: ArtifactId) -> bool:
    return database.is_glob and (
        artifact_id.artifact.startswith(f"{database.name}-") or artifact_id.is_safety_of_glob(database.name)
    )
