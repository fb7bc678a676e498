"""A real PostgreSQL on the loopback address: what stands for the central database on one machine."""

import os
import secrets
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType

from fleetsave.local.postgres_cluster import SUPERUSER, Cluster, literal
from fleetsave.local.postgres_tools import ensure_postgres_server, program_environment
from fleetsave.local.processes import ChildProcess, free_port

BACKUP_ROLE = "fleetsave_backup"
RESTORE_ROLE = "fleetsave_restore"
_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Login:
    """A role and its password."""

    user: str
    password: str = field(repr=False)


class PostgresServer:
    """A PostgreSQL with its own authority, certificate, superuser and log, all under `directory`; it starts at once.

    A second server in the directory is the first one restarted: same data, passwords and certificates, and the same port if it
    is given. With `tls`, which is verified for `localhost`, a connection without it is refused. Every login needs its password
    (SCRAM). `settings` are those of postgresql.conf; `fsync` is off unless they turn it on, so what is committed survives a
    kill of the server and not the end of the machine. Data checksums are on.

    Started by root it runs as nobody, to whom its data belong. Raise ValueError for a major there is no server of, RuntimeError,
    with the end of the log, if it does not start.
    """

    def __init__(
        self,
        directory: Path,
        *,
        major: int = 16,
        port: int | None = None,
        tls: bool = True,
        settings: Mapping[str, str] = _NO_SETTINGS,
        locale: str = "C.UTF-8",
        encoding: str = "UTF8",
    ) -> None:
        self.installation = ensure_postgres_server(major)
        directory.mkdir(parents=True, exist_ok=True)
        self.folder = directory.resolve()
        self.major = major
        self.port = port or free_port()
        self.tls = tls
        self.log = self.folder / "postgres.log"
        self._cluster = Cluster(self.folder, self.installation)
        if not self._cluster.exists:
            self._cluster.make(locale=locale, encoding=encoding)
        self._cluster.configure(port=self.port, tls=tls, settings=settings)
        self.superuser_password = self._cluster.superuser_password
        self.ca_certificate = self._cluster.authority.read_text()
        self._process = self._start()

    def _start(self) -> ChildProcess:
        environment = program_environment(self.installation)
        process = ChildProcess("postgres", self._cluster.start_command(), log=self.log, env=environment, cwd=self.folder)
        process.wait_until(lambda: self._cluster.is_ready(process.pid), timeout=60)
        return process

    # ---- what it is asked ------------------------------------------------------------------------------------------------------

    def environment(self, database: str = "postgres") -> dict[str, str]:
        """Return the environment in which PostgreSQL's programs reach a database as the superuser; it holds no password."""
        verified = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(self._cluster.authority)}
        return {
            **program_environment(self.installation),
            "PGHOST": "localhost",
            "PGHOSTADDR": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": SUPERUSER,
            "PGDATABASE": database,
            "PGPASSFILE": str(self._cluster.passfile),
            **(verified if self.tls else {"PGSSLMODE": "disable"}),
        }

    def run(self, program: str, *arguments: str, database: str = "postgres", text: str = "") -> str:
        """Run one of PostgreSQL's programs as the superuser, with `text` as its input, and return what it prints.

        Raise RuntimeError, with what it says, if it fails.
        """
        command = [str(self.installation / "bin" / program), *arguments]
        done = subprocess.run(  # noqa: S603 - the programs are our own
            command, env=self.environment(database), cwd=self.folder, input=text, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def psql(self, sql: str, database: str = "postgres") -> str:
        """Run statements as the superuser, each a transaction of its own, and return what they answer: columns divided by `|`.

        Raise RuntimeError, with what psql says, at the first that fails.
        """
        options = ("-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-f", "-")
        return self.run("psql", *options, database=database, text=sql).rstrip("\n")

    def create_database(self, name: str) -> None:
        """Create a database. Raise RuntimeError if there is one of the name."""
        self.psql(f"CREATE DATABASE {quoted(name)}")

    def bench(self, database: str = "bench", *, scale: int = 1) -> None:
        """Create a database with pgbench's tables: `scale` times 100,000 accounts, about 15 MB each.

        Raise RuntimeError if there is a database of the name.
        """
        self.create_database(database)
        self.run("pgbench", "--initialize", "--quiet", f"--scale={scale}", database=database)

    def create_role(self, name: str, *, password: str | None = None, options: str = "", member_of: Sequence[str] = ()) -> Login:
        """Create a role that may log in, or change the one there is; `options` are those of CREATE ROLE.

        Without `password` one is made up.
        """
        login = Login(name, password or secrets.token_urlsafe(24))
        exists = self.psql(f"SELECT 1 FROM pg_roles WHERE rolname = {literal(name)}")  # noqa: S608 - quoted
        verb = "ALTER" if exists else "CREATE"
        self.psql(f"{verb} ROLE {quoted(name)} LOGIN {options} PASSWORD {literal(login.password)}")
        for group in member_of:
            self.psql(f"GRANT {quoted(group)} TO {quoted(name)}")
        return login

    def create_backup_role(self, name: str = BACKUP_ROLE) -> Login:
        """Create the role that may read everything, also behind row-level security, and write nothing."""
        return self.create_role(name, options="BYPASSRLS", member_of=["pg_read_all_data"])

    def create_restore_role(self, name: str = RESTORE_ROLE) -> Login:
        """Create the superuser that databases are restored by."""
        return self.create_role(name, options="SUPERUSER")

    # ---- its life --------------------------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Return the process id of the server, whose children its other processes are."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Tell whether the server runs."""
        return self._process.is_running

    def restart(self) -> None:
        """Stop the server in order if it runs, and start it on the same port."""
        self.stop()
        self._process = self._start()

    def stop(self) -> None:
        """End the server in order, breaking off its connections; stopping twice is no error."""
        self._process.signal(signal.SIGINT)  # the SIGTERM that follows would wait for connections
        self._process.stop()

    def kill(self) -> None:
        """Kill all of its processes at once, as a power cut would; `restart` makes it recover."""
        self._process.signal(signal.SIGSTOP)  # so that none is born meanwhile
        for pid in _descendants(self.pid) if self.is_running else []:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.signal(signal.SIGKILL)
        self._process.stop()
        self._cluster.remove_shared_memory()

    def __enter__(self) -> "PostgresServer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()


def quoted(name: str) -> str:
    """Return an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _descendants(pid: int) -> list[int]:
    with suppress(OSError):  # the process has just ended
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return [*children, *(below for child in children for below in _descendants(child))]
    return []
