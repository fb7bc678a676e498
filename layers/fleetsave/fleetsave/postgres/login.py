"""Logging in to a PostgreSQL: the same server, account and certificates for our own connection and for its programs.

A password is given to a program as a passfile that is no file: an anonymous piece of memory that the child inherits. It is in no
argument, no environment variable and on no disk.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import botocore
import psycopg
from psycopg.conninfo import make_conninfo

from fleetsave.model.fleet_postgresql import SslMode

APPLICATION = "fleetsave"
_PUBLIC_AUTHORITIES = Path(botocore.__file__).parent / "cacert.pem"
"""Mozilla's list, as the AWS SDK brings it: the same on every machine, which no system's own is."""


_KEEPALIVES: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""Seconds, and milliseconds: a network that is cut says nothing, and is noticed within a minute."""


@dataclass(frozen=True)
class Login:
    """Who logs in where, and to which database.

    `host` is the name that the certificate must have; `address` is where to connect instead of looking the name up, for a
    forwarded port; `host` may also be the folder of a Unix socket. `ca_certificate` is PEM text, None for the public ones.
    """

    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    database: str
    sslmode: SslMode = SslMode.VERIFY_FULL
    ca_certificate: str | None = None
    address: str | None = None
    connect_timeout: float = 10

    def to(self, database: str) -> "Login":
        """Return the login to another database of the same server."""
        return replace(self, database=database)

    @property
    def target(self) -> str:
        """Return what is logged in to, for errors and records; it holds no secret."""
        return f"{self.user}@{self.host}:{self.port}/{self.database}"

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """Return a connection of our own; `options` are psycopg's. Raise psycopg.OperationalError if it is refused."""
        with _memory_file("authorities", self.ca_certificate) as authorities:
            values = self._values(authorities)
            conninfo = make_conninfo(password=self.password, **values, **_KEEPALIVES)
            return psycopg.connect(conninfo, **options)

    @contextmanager
    def for_child(self) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
        """Lend the environment variables and the file descriptors with which a child process logs in."""
        with (
            _memory_file("passfile", self._passfile()) as passfile,
            _memory_file("authorities", self.ca_certificate) as authorities,
        ):
            values = self._values(authorities)
            variables = {_VARIABLES[name]: str(value) for name, value in values.items()}
            # The account's own ~/.pgpass is none of ours.
            variables["PGPASSFILE"] = os.devnull if passfile is None else _path(passfile)
            yield variables, tuple(one for one in (passfile, authorities) if one is not None)

    @property
    def child_database(self) -> str:
        """Return what a program takes as `--dbname`: the database, and when it gives up a connection that fell silent."""
        return make_conninfo(dbname=self.database, **_KEEPALIVES)

    def redact(self, text: str) -> str:
        """Return a program's words without the password, should it ever stand in them."""
        return text.replace(self.password, "***") if self.password else text

    def _values(self, authorities: int | None) -> dict[str, Any]:
        values: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "dbname": self.database,
            "sslmode": self.sslmode.value,
            "connect_timeout": max(2, round(self.connect_timeout)),
            "application_name": APPLICATION,
            "gssencmode": "disable",
        }
        if self.address is not None:
            values["hostaddr"] = self.address
        if self.sslmode in (SslMode.VERIFY_FULL, SslMode.VERIFY_CA):
            values["sslrootcert"] = _PUBLIC_AUTHORITIES if authorities is None else _path(authorities)
        return values

    def _passfile(self) -> str | None:
        if self.password is None:
            return None
        escaped = self.password.replace("\\", "\\\\").replace(":", "\\:")
        return f"*:*:*:*:{escaped}\n"


_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
    "gssencmode": "PGGSSENCMODE",
}


@contextmanager
def _memory_file(name: str, text: str | None) -> Iterator[int | None]:
    """Lend a file in memory alone that holds `text`, None for None; libpq refuses a passfile that others may read."""
    if text is None:
        yield None
        return
    descriptor = os.memfd_create(name)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, text.encode())
        yield descriptor
    finally:
        os.close(descriptor)


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"
