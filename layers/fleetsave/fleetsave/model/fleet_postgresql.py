"""The central PostgreSQL in the fleet file: where it is, how to be let in, and which of its databases are backed up."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from fleetsave.model.fleet_parts import Duration, Identifier, Retention, Rpo, Ssh, Strict
from fleetsave.model.kinds import Compression, DumpFormat

_HOST = re.compile(r"[A-Za-z0-9.:_-]+")
_LONGEST_NAME = 63


def _check_host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("write a host name or an address alone, without user, password, port or database")
    return text


def _check_database(text: str) -> str:
    if "\0" in text or not 1 <= len(text.encode()) <= _LONGEST_NAME:
        raise ValueError("a database's name has 1 to 63 bytes")
    if text in ("template0", "template1"):
        raise ValueError("templates are not backed up; name the database that holds your data")
    return text


def _check_certificate(text: str) -> str:
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise ValueError("write the authority's certificates themselves, as PEM text")
    return text


Host = Annotated[str, AfterValidator(_check_host)]
DatabaseName = Annotated[str, AfterValidator(_check_database)]
Certificates = Annotated[str, AfterValidator(_check_certificate)]


class SslMode(StrEnum):
    """How a connection is secured, by libpq's names; those that settle for less without telling are left out."""

    VERIFY_FULL = "verify-full"
    VERIFY_CA = "verify-ca"
    REQUIRE = "require"
    DISABLE = "disable"


class Authentication(StrEnum):
    """How the server is told who we are: with the secret's password, or with a token that AWS signs for an RDS server."""

    PASSWORD = "password"  # noqa: S105 - the name of a way, not a password
    IAM = "iam"


class PostgresqlDatabase(Strict):
    """One database of the central PostgreSQL."""

    name: Identifier = Field(default="postgresql", description="artifact name, which stands in the keys of its backups")
    database: DatabaseName = Field(description="the database's name on the server")
    format: DumpFormat = Field(
        default=DumpFormat.PLAIN, description="plain: SQL text; custom: pg_dump's archive, for databases of many gigabytes"
    )
    compression: Compression | None = Field(
        default=None, description="of plain dumps, zstd by default; an archive of custom format is compressed in itself"
    )
    checks: dict[Identifier, str] = Field(
        default_factory=dict, description="your own SQL, each one SELECT whose first row must be equal on the restored copy"
    )
    fingerprint: bool = Field(default=True, description="count the rows of every table inside the snapshot, and compare")
    deadline: Duration = Field(default=timedelta(minutes=13), description="longest time a dump may take, lock waits included")
    rpo: Rpo = None
    retention: Retention = Retention()

    @property
    def stored_compression(self) -> Compression:
        """Return how the stored bytes encode what pg_dump writes."""
        return Compression.NONE if self.format is DumpFormat.CUSTOM else self.compression or Compression.ZSTD

    @model_validator(mode="after")
    def _custom_is_compressed_in_itself(self) -> "PostgresqlDatabase":
        if self.format is DumpFormat.CUSTOM and self.compression is Compression.ZSTD:
            raise ValueError("format custom is compressed in itself: leave compression out")
        return self


class PostgresqlRecovery(Strict):
    """How a database is brought back: as whom, and from where databases are created and renamed."""

    secret: str | None = Field(
        default=None,
        min_length=1,
        description="name of the secret with the account for restoring; by default `secret` with restore- for read-",
    )
    user: str | None = Field(default=None, min_length=1, description="account for restoring, with IAM authentication")
    maintenance_database: DatabaseName = Field(
        default="postgres", description="database to connect to while another one is created or renamed"
    )


class Postgresql(Strict):
    """The central PostgreSQL and what to back up of it."""

    host: Host = Field(description="host name or address, as the certificate has it; with ssh, as seen from that server")
    port: int = Field(default=5432, ge=1, le=65535)
    secret: str | None = Field(
        default=None, min_length=1, description="name of the secret with username and password as JSON; never the password itself"
    )
    authentication: Authentication = Authentication.PASSWORD
    user: str | None = Field(default=None, min_length=1, description="account to log in as, with IAM authentication")
    region: str | None = Field(default=None, description="AWS region of the server, with IAM authentication")
    sslmode: SslMode = Field(default=SslMode.VERIFY_FULL, description="less than verify-full only where there is no other way")
    ca_certificate: Certificates | None = Field(
        default=None, description="PEM of the authorities that sign the server's certificate; without it, the public ones"
    )
    ssh: Ssh | None = Field(default=None, description="a server through which PostgreSQL is reached, where it is not public")
    connect_timeout: Duration = Field(default=timedelta(seconds=10))
    lock_timeout: Duration = Field(default=timedelta(seconds=60), description="longest wait for a table somebody has locked")
    databases: list[PostgresqlDatabase] = Field(min_length=1)
    recovery: PostgresqlRecovery = PostgresqlRecovery()
    retention: Retention = Retention()

    @property
    def restore_secret(self) -> str | None:
        """Return the name of the secret with the account for restoring, None with IAM authentication."""
        return self.recovery.secret or (self.secret and self.secret.replace("/postgresql/read-", "/postgresql/restore-"))

    @property
    def restore_ssh(self) -> Ssh | None:
        """Return how a recovery reaches the server: as `ssh` does, with the secret for restoring."""
        if self.ssh is None:
            return None
        return self.ssh.model_copy(update={"key_secret": self.ssh.key_secret.replace("/ssh/read-", "/ssh/restore-")})

    @model_validator(mode="after")
    def _is_whole(self) -> "Postgresql":
        if self.authentication is Authentication.PASSWORD and self.secret is None:
            raise ValueError("name the secret with username and password in `secret`")
        if self.authentication is Authentication.IAM:
            if self.user is None or self.region is None:
                raise ValueError("IAM authentication needs `user` and `region`")
            if self.sslmode is SslMode.DISABLE:
                raise ValueError("IAM authentication needs TLS: a token is sent as it is")
        if self.sslmode in (SslMode.REQUIRE, SslMode.DISABLE) and self.ca_certificate is not None:
            raise ValueError(f"ca_certificate is not looked at with sslmode {self.sslmode}: leave one of them out")
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Postgresql":
        artifacts = [one.name for one in self.databases]
        for what, names in (
            ("names", artifacts),
            ("databases", [one.database for one in self.databases]),
        ):
            doubled = sorted({name for name in names if names.count(name) > 1})
            if doubled:
                raise ValueError(f"{what} must differ: {', '.join(doubled)}")
        for name in artifacts:
            if f"{name}-".startswith("safety-"):
                raise ValueError(f"'{name}' is the name of a backup made before a recovery; choose another than safety-...")
            if f"_{name}".endswith("_globals"):
                raise ValueError(f"'{name}' is how the file beside a dump is named; choose another than globals")
        return self
