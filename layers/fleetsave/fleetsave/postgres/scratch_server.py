"""A throwaway PostgreSQL to restore into: behind a socket in a folder of its own, and gone without a trace at the end."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from fleetsave.postgres import supervisor
from fleetsave.postgres.names import identifier
from fleetsave.postgres.process import PostgresProcess
from fleetsave.postgres.programs import Programs
from fleetsave.postgres.scratch_cluster import FIRST_SUPERUSER, ScratchCluster, failure, too_slow
from fleetsave.postgres.secrecy import forbid_inspection
from fleetsave.postgres.session import settle

MAINTENANCE_DATABASE = "template1"
_PORT = "5432"
_LOOK_EVERY = 0.02
_END = 15
"""Seconds after which its end is no longer waited for."""


class ScratchServer:
    """A server that runs; `superuser` is its first role, which needs no password."""

    def __init__(self, cluster: ScratchCluster, superuser: str, process: PostgresProcess) -> None:
        self.superuser = superuser
        self._cluster = cluster
        self._process = process

    @property
    def folder(self) -> Path:
        """Return the folder that holds all of it."""
        return self._cluster.folder

    @property
    def as_user(self) -> int | None:
        """Return the number of the account that it runs as, None for our own."""
        return self._cluster.as_user

    @property
    def has_ended(self) -> bool:
        """Tell whether it runs no more, which only a crash brings about."""
        return self._process.has_ended

    @property
    def words(self) -> str:
        """Return the end of its log."""
        return self._process.errors

    def variables(self, database: str) -> Mapping[str, str]:
        """Return the environment variables by which a program reaches one of its databases."""
        return {"PGHOST": str(self.folder), "PGPORT": _PORT, "PGUSER": self.superuser, "PGDATABASE": database}

    def connect(self, database: str = MAINTENANCE_DATABASE) -> psycopg.Connection[Any]:
        """Return a connection of our own, settled and in autocommit mode. Raise psycopg.OperationalError if none is to be had."""
        connection = psycopg.connect(
            host=str(self.folder), port=_PORT, user=self.superuser, dbname=database, autocommit=True, connect_timeout=10,
            passfile=str(self.folder / "none"), sslmode="disable", gssencmode="disable",
        )  # fmt: skip
        settle(connection)
        return connection


@contextmanager
def scratch_server(
    programs: Programs, folder: Path, *, superuser: str = "postgres", tables: int = 0, seconds: float = 60
) -> Iterator[ScratchServer]:
    """Start a server in `folder`, which must not exist yet, lend it, and end it with everything it has started.

    Removing the folder is the caller's to do. `superuser` is the name of its first role, `tables` about how many will be restored
    in one transaction, `seconds` the time until it must be up. If we are killed it ends all the same. What runs in it cannot look
    into this process from now on. Raise ScratchUnavailableError if none can run here, VerificationError for a full disk.
    """
    deadline = time.monotonic() + seconds
    forbid_inspection()
    cluster = ScratchCluster(programs, folder)
    cluster.make(tables=tables, seconds=seconds)
    task = {
        "command": [programs.path("postgres"), "-D", str(cluster.data)],
        "environment": cluster.environment,
        "user": cluster.as_user,
        "data": str(cluster.data),
    }
    command = [sys.executable, "-I", "-S", "-B", supervisor.__file__, json.dumps(task)]
    # Python's own libraries may be where only this variable tells; the server gets another.
    environment = {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}
    with PostgresProcess(command, environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        server = ScratchServer(cluster, FIRST_SUPERUSER, process)
        try:
            _wait_until_up(server, deadline, seconds)
            _rename_superuser(server, superuser)
            yield server
        finally:
            process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END)


def _wait_until_up(server: ScratchServer, deadline: float, seconds: float) -> None:
    while True:
        try:
            server.connect().close()
        except psycopg.OperationalError:
            if server.has_ended:
                raise failure(server.words) from None
            if time.monotonic() >= deadline:
                raise too_slow(seconds) from None
            time.sleep(_LOOK_EVERY)
        else:
            return


def _rename_superuser(server: ScratchServer, name: str) -> None:
    """Give the first role its name; nobody can rename himself."""
    if name == server.superuser:
        return
    helper = "fleetsave" if name != "fleetsave" else "fleetsave_"
    with server.connect() as connection:
        connection.execute(f"CREATE ROLE {helper} LOGIN SUPERUSER")
    first, server.superuser = server.superuser, helper
    with server.connect() as connection:
        connection.execute(f"ALTER ROLE {first} RENAME TO {identifier(name)}")
    server.superuser = name
    with server.connect() as connection:
        connection.execute(f"DROP ROLE {helper}")
