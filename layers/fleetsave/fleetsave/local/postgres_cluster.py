"""The files of a PostgreSQL server, and who it runs as."""

import ctypes
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from fleetsave.local.certificates import write_certificates
from fleetsave.local.postgres_tools import program_environment

SUPERUSER = "postgres"
_NOBODY = 65534
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path has room for 107 bytes only
    "timezone": "GMT",  # by this name alone a server knows UTC where the system has no time zones
    "log_timezone": "GMT",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "password_encryption": "scram-sha-256",
    "dynamic_shared_memory_type": "mmap",  # in the folder: a server that is killed leaves nothing in /dev/shm
    "fsync": "off",  # quick, and enough for a machine that stays on: what is committed survives a kill of the server
}
_DAC_READ_SEARCH = 2  # the capability's number in linux/capability.h
_IPC_RMID = 0
_LIBC = ctypes.CDLL(None, use_errno=True)


class Cluster:
    """A server's data, certificates and superuser's password, under one folder."""

    def __init__(self, folder: Path, installation: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.authority = folder / "authority.pem"
        self.passfile = folder / "superuser.pgpass"
        self._installation = installation

    @property
    def exists(self) -> bool:
        """Tell whether it has been made, and not only begun."""
        return self.passfile.exists()

    @property
    def superuser_password(self) -> str:
        """Return the password that the superuser was given when it was made."""
        return self.passfile.read_text().rstrip("\n").rpartition(":")[2]

    def make(self, *, locale: str, encoding: str) -> None:
        """Make it anew. Raise RuntimeError, with initdb's last words, if it cannot be made."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        _, certificate, key = write_certificates(self.folder)
        password = secrets.token_urlsafe(24)
        told = self.folder / "new-password"
        _write_private(told, password)
        for path in (self.data, certificate, key, told):
            _give_away(path)
        initdb = str(self._installation / "bin" / "initdb")
        command = [*as_servant(), initdb, "--pgdata", str(self.data), "--username", SUPERUSER, "--pwfile", str(told)]
        command += ["--auth", "scram-sha-256", "--data-checksums", "--no-sync", "--no-instructions"]
        command += ["--locale", locale, "--encoding", encoding]
        done = subprocess.run(  # noqa: S603 - the programs are our own
            command, env=program_environment(self._installation), cwd=self.folder, capture_output=True, text=True, check=False
        )
        told.unlink()
        if done.returncode != 0:
            raise RuntimeError(f"initdb ended with {done.returncode}: {done.stderr[-2000:]}")
        _write_private(self.passfile, f"*:*:*:{SUPERUSER}:{password}\n")

    def configure(self, *, port: int, tls: bool, settings: Mapping[str, str]) -> None:
        """Write the server's configuration, and who may connect: with `tls` nobody without it."""
        files = {"ssl_cert_file": str(self.folder / "server.pem"), "ssl_key_file": str(self.folder / "server.key")}
        given = {**_SETTINGS, "port": str(port), **({"ssl": "on", **files} if tls else {}), **settings}
        kind = "hostssl" if tls else "host"
        self._write("postgresql.conf", [f"{name} = {literal(value)}" for name, value in given.items()])
        self._write("pg_hba.conf", [f"{kind} {which} all 127.0.0.1/32 scram-sha-256" for which in ("all", "replication")])

    def start_command(self) -> list[str]:
        """Return the command of its server, whose process id is that of the command."""
        return [*as_servant(), str(self._installation / "bin" / "postgres"), "-D", str(self.data)]

    def is_ready(self, pid: int) -> bool:
        """Tell whether a server takes connections: it says so in the last line of its pid file, as pg_ctl reads it."""
        lines = self._pid_file()
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def remove_shared_memory(self) -> None:
        """Remove the segment that keeps a second server off the data; one that is killed leaves it until the machine ends."""
        lines = self._pid_file()
        if len(lines) >= 7 and lines[6].split():
            _LIBC.shmctl(int(lines[6].split()[1]), _IPC_RMID, None)

    def _pid_file(self) -> list[str]:
        with suppress(FileNotFoundError):
            return (self.data / "postmaster.pid").read_text().splitlines()
        return []

    def _write(self, name: str, lines: Sequence[str]) -> None:
        path = self.data / name
        path.write_text("\n".join([*lines, ""]))
        _give_away(path)


def as_servant() -> list[str]:
    """Return what goes before a server's command: it ends in order with the thread that starts it, and is not run by root.

    PostgreSQL refuses root, who therefore runs it as nobody, able to reach its files below folders that are root's alone.
    """
    # The signal is for setpriv to ask for: a change of user clears it. SIGTERM would wait for open connections.
    setpriv = ["setpriv", "--pdeathsig=INT"]
    if os.geteuid() != 0:
        return setpriv
    # Containers keep the larger of the two capabilities only.
    reach = "+dac_read_search" if _has_capability(_DAC_READ_SEARCH) else "+dac_override"
    user = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    return [*setpriv, *user, f"--inh-caps=-all,{reach}", f"--ambient-caps=-all,{reach}"]


def literal(value: str) -> str:
    """Return a text as SQL and postgresql.conf write it."""
    return "'" + value.replace("'", "''") + "'"


def _has_capability(number: int) -> bool:
    status = Path("/proc/self/status").read_text()
    return bool(int(status.partition("CapEff:")[2].split()[0], 16) >> number & 1)


def _give_away(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, _NOBODY, _NOBODY)


def _write_private(path: Path, text: str) -> None:
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
