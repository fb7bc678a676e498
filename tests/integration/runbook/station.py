"""A server whose database has come to harm, a store with a proven backup of it, and a person with the runbook's page."""

import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from fleetsave.catalog.catalog import Catalog
from fleetsave.local import toolbox
from fleetsave.local.game import last_payment, read_status
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot
from fleetsave.store.s3 import S3Store
from fleetsave.verify.ports import Ports
from fleetsave.verify.room import verify
from tests.fakes.job_queue import RecordingQueue
from tests.fixtures.game import running_game
from tests.fixtures.stored_backups import NOON, NOW, judged, store_object, take_fingerprint
from tests.integration.runbook.page import blocks, variables

SERVER = "server_001"
ARTIFACT = ArtifactId(SERVER, Kind.DATABASE, "database")
_SUFFIXES = ("", "-journal", "-wal", "-shm")


@dataclass
class Station:
    """One server on this machine; `database` is its live database, `key` the newest verified backup of it in `bucket`."""

    folder: Path
    seaweedfs: SeaweedFS
    bucket: str
    server_id: str = SERVER
    paid: int = 0
    """The newest payment that the backup holds."""
    named: Path | None = None
    """What the person calls the database, if not by its own path."""
    said: str = ""
    """What the last commands printed."""

    @property
    def database(self) -> Path:
        return self.folder / "the game" / "world.db"

    @property
    def store(self) -> S3Store:
        return S3Store(self.seaweedfs.client(), self.bucket, conditional_writes=False)

    @property
    def key(self) -> BackupKey:
        return BackupKey(ARTIFACT, NOON, Compression.ZSTD)

    def set_up(self) -> None:
        """Play, back up and verify as the functions do, and play on."""
        self.database.parent.mkdir()
        self.seaweedfs.create_bucket(self.bucket)
        with running_game(self.database, rate=200, log=self.folder / "game.log"):
            snapshot = self.folder / "snapshot.db"
            with closing(sqlite3.connect(self.database)) as live, closing(sqlite3.connect(snapshot)) as copy:
                live.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
            self.paid = last_payment(snapshot)
            self._back_up(snapshot)
            deadline = time.monotonic() + 30
            while self.acknowledged <= self.paid + 10:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        self._add_decoys()

    def _back_up(self, snapshot: Path) -> None:
        catalog = Catalog(self.store)
        record = store_object(self.store, self.key, snapshot.read_bytes(), take_fingerprint(snapshot))
        catalog.append(self.key, RecordName.STORED, record)
        ports = Ports(self.store, catalog, RecordingQueue(), self.folder, lambda: NOW, lambda: 60)
        assert judged(verify(self.key, ports)).verdict is RecordName.VERIFIED

    def _add_decoys(self) -> None:
        """Add what a hasty look at the listing could take for the newest verified backup."""
        rejected, pruned, pending = (self._decoy(hours) for hours in (1, 2, 3))
        others = [
            self._decoy(4, ARTIFACT.safety),
            self._decoy(4, ArtifactId(SERVER, Kind.DATABASE, "database-2")),
            self._decoy(4, ArtifactId(f"{SERVER}0", Kind.DATABASE, "database")),
            self._decoy(-1),
        ]
        for key in (rejected, pruned, *others):
            self.store.put(key.record_key(RecordName.VERIFIED), b"{}")
        for key, name in ((rejected, RecordName.REJECTED), (pruned, RecordName.PRUNED), (pending, RecordName.STORED)):
            self.store.put(key.record_key(name), b"{}")

    def _decoy(self, hours: int, artifact_id: ArtifactId = ARTIFACT) -> BackupKey:
        return BackupKey(artifact_id, Slot(NOON.at + timedelta(hours=hours)), Compression.ZSTD)

    @property
    def acknowledged(self) -> int:
        status = read_status(self.database)
        return status.acknowledged if status else 0

    @property
    def is_played(self) -> bool:
        status = read_status(self.database)
        return status is not None and status.running

    def live_set(self) -> dict[str, bytes]:
        """Return the bytes of the live database and of the files beside it."""
        paths = [self.database.with_name(f"{self.database.name}{suffix}") for suffix in _SUFFIXES]
        return {path.name: path.read_bytes() for path in paths if path.exists()}

    def kept(self, what: str = "kept") -> dict[str, bytes]:
        """Return the files of the one folder in which something was set aside."""
        (folder,) = self.database.parent.glob(f"{self.database.name}.{what}-*")
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def follow(self, *names: str) -> dict[str, int]:
        """Paste blocks of the page into bash, one after the other whatever they say, and return each one's exit code."""
        told = self.folder / "exit codes"
        page = blocks()
        script = [self._variables(), *(f'{page[name]}\necho "{name} $?" >> {shlex.quote(str(told))}\n' for name in names)]
        told.unlink(missing_ok=True)
        done = subprocess.run(
            ["bash"],
            input="".join(script),
            env=self._environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.said = done.stdout + done.stderr
        return {name: int(code) for name, code in (line.split() for line in told.read_text().splitlines())}

    def play(self) -> None:
        """Start the game, and wait until it has paid."""
        before = self.acknowledged
        subprocess.run(["sh", "-c", self._start], check=True, timeout=30)
        deadline = time.monotonic() + 30
        while self.acknowledged <= before:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill the game in the middle of its work, so that it leaves its -wal behind."""
        pid_file = self.folder / "game.pid"
        pid = int(pid_file.read_text())
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while is_alive(pid):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        pid_file.unlink()

    def rename_server(self, server_id: str) -> None:
        """Have the person look for another server's backups."""
        self.server_id = server_id

    def forget_kept(self) -> None:
        """Remove what was kept, as a person does who begins anew."""
        for folder in self.database.parent.glob(f"{self.database.name}.kept-*"):
            shutil.rmtree(folder)

    def stop_playing(self) -> None:
        """Do what STOP does."""
        subprocess.run(["sh", "-c", self._stop], check=True, timeout=30)

    @property
    def _pid_file(self) -> str:
        return shlex.quote(str(self.folder / "game.pid"))

    @property
    def _stop(self) -> str:
        status = shlex.quote(str(self.database.with_name(f"{self.database.name}.status.json")))
        return f"""
            if [ -e {self._pid_file} ]; then
                kill "$(cat {self._pid_file})" && rm {self._pid_file}
                while grep -q '"running": true' {status}; do sleep 0.05; done
            fi
        """

    @property
    def _start(self) -> str:
        command = shlex.join([sys.executable, "-m", "fleetsave.local.game", "--path", str(self.database), "--rate", "200"])
        return f"{command} > {shlex.quote(str(self.folder / 'game.log'))} 2>&1 & echo $! > {self._pid_file}"

    def _variables(self) -> str:
        values = {
            "BUCKET": self.bucket,
            "ENDPOINT": self.seaweedfs.endpoint,
            "SERVER": self.server_id,
            "ARTIFACT": ARTIFACT.artifact,
            "DATABASE": str(self.named or self.database),
            "STOP": self._stop,
            "START": self._start,
        }
        assert list(values) == variables(), "the page asks for other variables than are set here"
        return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())

    def _environment(self) -> dict[str, str]:
        pair = self.seaweedfs.credentials()
        tools = toolbox.ensure("by-hand") / "bin"
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLEETSAVE_"))}
        return own | {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "AWS_ACCESS_KEY_ID": pair.access_key_id,
            "AWS_SECRET_ACCESS_KEY": pair.secret_access_key,
            "AWS_DEFAULT_REGION": self.seaweedfs.region,
        }


def is_alive(pid: int) -> bool:
    """Tell whether a process still runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
