"""The files of a throwaway server: its folder, its data, and its settings.

The layer brings the data of a new cluster along (layers/postgres/template.py): initdb cannot be counted on where an account may
have no name and a system no locales.
"""

import os
import stat
import subprocess
import tarfile
from pathlib import Path

from fleetsave.model.errors import VerificationError
from fleetsave.postgres.lacks import is_disk_full
from fleetsave.postgres.names import literal
from fleetsave.postgres.process import PostgresProcess
from fleetsave.postgres.programs import Programs

FIRST_SUPERUSER = "postgres"
"""The superuser of a new cluster."""

TEMPLATE = "template.tar.xz"
"""A new cluster's data, in the programs' folder `share`."""

_NOBODY = 65534
_LONGEST_FOLDER = 90
"""Bytes: a socket's path has room for 107, and its name is .s.PGSQL.5432."""

_CONNECTIONS = 10
_SETTINGS = {
    "listen_addresses": "",  # a socket in our own folder is the only way in
    "unix_socket_permissions": "0700",
    "max_connections": str(_CONNECTIONS),
    "shared_buffers": "128MB",
    "maintenance_work_mem": "256MB",
    "dynamic_shared_memory_type": "mmap",  # there is no /dev/shm on Lambda
    "huge_pages": "off",
    "io_method": "sync",
    # Nothing of it is kept: what is lost with the power is no loss.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",  # tables filled in the transaction that makes them are not written twice
    "max_wal_senders": "0",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "jit": "off",
    # In parallel sums of floating point numbers come out differently each time.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "max_logical_replication_workers": "0",
    # By this name alone a server knows UTC where the system has no time zones.
    "timezone": "GMT",
    "log_timezone": "GMT",
    "lc_messages": "C",  # its words are read
    "default_text_search_config": "pg_catalog.english",
}


class ScratchUnavailableError(VerificationError):
    """No throwaway server can run here, whatever the backup is like; the cause has PostgreSQL's own words."""


class ScratchCluster:
    """The folder of one throwaway server, which belongs to the account that the server runs as.

    PostgreSQL refuses root, who runs it as nobody. Raise ScratchUnavailableError if nobody cannot reach it, or its path is too
    long for a socket.
    """

    def __init__(self, programs: Programs, folder: Path) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.as_user = _NOBODY if os.geteuid() == 0 else None
        self._programs = programs
        if len(os.fsencode(self.folder)) > _LONGEST_FOLDER:
            raise unavailable(f"the path {self.folder} is too long for a Unix socket", "Verify in a folder with a shorter path.")
        self.folder.mkdir(mode=0o700)
        if self.as_user is not None:
            os.chown(self.folder, self.as_user, self.as_user)
            for needed in (self.folder, programs.folder.absolute()):
                self._require_way(needed)

    @property
    def environment(self) -> dict[str, str]:
        """Return the whole environment of the server: no credentials, and no setting of this machine's."""
        return self._programs.environment({"TZ": "GMT", "HOME": str(self.folder)})

    def make(self, *, tables: int, seconds: float) -> None:
        """Make the data of a server whose superuser is FIRST_SUPERUSER, with locks for the restore of so many tables at once.

        Raise ScratchUnavailableError, or VerificationError for a full disk or if it takes too long.
        """
        template = self._programs.folder / "share" / TEMPLATE
        try:
            if template.is_file():
                self._unpack(template)
            else:
                self._init(seconds)
            self._configure(tables)
        except OSError as error:
            raise failure(str(error)) from error

    def _unpack(self, template: Path) -> None:
        self.data.mkdir(mode=0o700)
        with tarfile.open(template) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(self.data, filter="data")
            else:  # Python 3.11.2, Debian 12's; the archive is as much our own as the programs are
                archive.extractall(self.data)  # noqa: S202 - the layer's own cluster, made when it was built
        if self.as_user is not None:
            for path in (self.data, *self.data.rglob("*")):
                os.chown(path, self.as_user, self.as_user)

    def _init(self, seconds: float) -> None:
        """Let initdb do it, where the programs are somebody's own installation; it wants our account to have a name."""
        command = [
            self._programs.path("initdb"), f"--pgdata={self.data}", f"--username={FIRST_SUPERUSER}", "--auth=trust", "--no-sync",
            "--no-instructions", "--no-data-checksums", "--wal-segsize=1", "--encoding=UTF8",
            # These need nothing of the system's own locales.
            "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        ]  # fmt: skip
        with PostgresProcess(
            command, self.environment, stdout=subprocess.DEVNULL, as_user=self.as_user, cwd=str(self.folder)
        ) as process:  # fmt: skip
            try:
                status = process.wait(max(seconds, 0))
            except subprocess.TimeoutExpired:
                raise too_slow(seconds) from None
        if status != 0:
            raise failure(process.errors)

    def _configure(self, tables: int) -> None:
        settings = {
            **_SETTINGS,
            "unix_socket_directories": str(self.folder),
            # A restore in one transaction locks everything it makes: a table, its indexes, its toast, its sequences.
            "max_locks_per_transaction": str(512 + tables),
        }
        lines = [f"{name} = {literal(value)}" for name, value in settings.items()]
        (self.data / "postgresql.conf").write_text("\n".join([*lines, ""]))
        (self.data / "pg_hba.conf").write_text("local all all trust\n")

    def _require_way(self, folder: Path) -> None:
        for parent in folder.parents:
            if not parent.stat().st_mode & stat.S_IXOTH:
                raise unavailable(
                    f"{parent} is closed to the account {self.as_user}, as which root runs PostgreSQL",
                    "Verify in a folder that is open to all accounts, such as /tmp, or as another account than root.",
                )  # fmt: skip


def failure(words: str) -> VerificationError:
    """Return the error for what a throwaway server said as it failed, before it held anything."""
    said = " ".join(words.split())[-600:] or "it said nothing"
    if is_disk_full(words):
        return disk_full(said)
    return unavailable(said, "This machine cannot run PostgreSQL; docs/postgresql.md tells what it takes.")


def unavailable(cause: str, hint: str) -> ScratchUnavailableError:
    """Return the error for a machine that cannot run a throwaway server."""
    return ScratchUnavailableError("start", "throwaway PostgreSQL", cause, hint)


def disk_full(cause: str) -> VerificationError:
    """Return the error for a disk that does not hold the restored database."""
    return VerificationError(
        "restore", "throwaway PostgreSQL", cause, "Raise the template's parameter VerifyStorage and verify again."
    )


def too_slow(seconds: float) -> VerificationError:
    """Return the error for a dump that cannot be judged in the time of one function."""
    return VerificationError(
        "restore", "throwaway PostgreSQL", f"it was not over within the {max(seconds, 0):.0f} s that were left",
        "Give the verify function more memory, which brings more CPU; a database too large for one function's 15 minutes is "
        "verified on a machine of your own: fleetsave verify KEY.",
    )  # fmt: skip
