"""One server of the fleet: how it is reached, and what of it is backed up."""

import re
from datetime import timedelta

from pydantic import Field, model_validator

from fleetsave.model.fleet_files import ConfigurationSet, FileSet, Full, LogSet
from fleetsave.model.fleet_parts import AbsolutePath, Duration, Https, Identifier, Retention, Rpo, Ssh, Strict
from fleetsave.model.keys import CENTRAL_SERVER_ID, SAFETY_TELLS_APART
from fleetsave.model.kinds import Compression

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
    rpo: Rpo = None
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
    ssh: Ssh | None = Field(default=None, description="how to reach it over SSH; give this or https")
    https: Https | None = Field(default=None, description="how to reach the agent that runs on it; give this or ssh")
    staging: AbsolutePath | None = Field(
        default=None, description="folder on the server for snapshots; by default a private one under /var/tmp"
    )
    python: str | None = Field(default=None, description="Python on the server, if it is not python3 on the PATH")
    databases: list[SqliteDatabase] = Field(default_factory=list)
    files: list[FileSet] = Field(default_factory=list, description="folders of files")
    configuration: list[ConfigurationSet] = Field(default_factory=list, description="folders of configuration")
    logs: list[LogSet] = Field(default_factory=list, description="folders of logs")
    full: Full | None = Field(default=None, description="everything named here in one archive, once a day; {} for the defaults")
    recovery: RecoveryAccess = RecoveryAccess()
    retention: Retention = Retention()

    @property
    def file_sets(self) -> list[FileSet]:
        """Return files, configuration and logs, in this order."""
        return [*self.files, *self.configuration, *self.logs]

    @property
    def restore_ssh(self) -> Ssh | None:
        """Return how the recovery logs in: the server as it is pinned, with the account and the secret for restoring."""
        if self.ssh is None:
            return None
        secret = self.recovery.key_secret or self.ssh.key_secret.replace("/ssh/read-", "/ssh/restore-")
        return self.ssh.model_copy(update={"user": self.recovery.user or self.ssh.user, "key_secret": secret})

    @property
    def restore_https(self) -> Https | None:
        """Return how the recovery reaches the agent: with the token for restoring."""
        if self.https is None:
            return None
        secret = self.recovery.key_secret or self.https.token_secret.replace("/https/read-", "/https/restore-")
        return self.https.model_copy(update={"token_secret": secret})

    @model_validator(mode="after")
    def _is_reached_in_one_way(self) -> "Server":
        if (self.ssh is None) == (self.https is None):
            raise ValueError("give ssh or https, one of them: how the server is reached")
        if self.https is not None:
            commands = ("staging", "python"), ("user", "before", "after")
            set_here = [name for name in commands[0] if getattr(self, name) is not None]
            set_here += [f"recovery.{name}" for name in commands[1] if getattr(self.recovery, name) is not None]
            if set_here:
                raise ValueError(f"{', '.join(set_here)}: over https these are the agent's own configuration; leave them out")
        return self

    @model_validator(mode="after")
    def _sets_are_unique(self) -> "Server":
        names = [one.name for one in self.file_sets]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"names of files, configuration and logs must differ: {', '.join(doubled)}")
        all_names = [*names, self.full.name] if self.full else names
        reserved = next((name for name in all_names if f"{name}-".startswith("safety-")), None)
        if reserved:
            raise ValueError(f"'{reserved}' is the name of a backup made before a recovery; choose another than safety-...")
        if self.full is not None and not (self.databases or names):
            raise ValueError("full: there is nothing to put into it; name databases, files, configuration or logs")
        return self

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
