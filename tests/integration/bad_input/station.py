"""A server with a database, a real store, and the real doors between them: what bad input is put into."""

import hashlib
import json
import subprocess
import sys
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from fleetsave.catalog.catalog import Catalog
from fleetsave.local.game import create
from fleetsave.local.seaweedfs import ADMIN, SeaweedFS
from fleetsave.local.sshd import SshServer
from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import FLEET_KEY, ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot
from fleetsave.queues import JobQueue
from fleetsave.secrets import SecretsManager
from fleetsave.services import Services
from fleetsave.settings import Provider, Settings
from fleetsave.store import profiles
from fleetsave.store.s3 import S3Store
from tests.fakes.job_queue import RecordingAnnouncer, RecordingQueue
from tests.fixtures.kept_secrets import no_client, no_token
from tests.functions.context import event

BUCKET = "bad-input"
KEY_SECRET = "fleetsave/ssh/read-server"
_FIRST_SLOT = Slot(datetime(2024, 1, 1, 12, tzinfo=UTC))

_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchall()
print("held", flush=True)
sys.stdin.read()
"""


class KeptSecrets:
    """A client of Secrets Manager over a dictionary."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self._secrets = secrets

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        if SecretId not in self._secrets:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no such secret"}}, "GetSecretValue")
        return {"SecretString": self._secrets[SecretId]}


@dataclass(frozen=True)
class RecordedServices(Services):
    """The services with a queue that remembers."""

    recorded: RecordingQueue

    @property
    def queue(self) -> JobQueue:
        return self.recorded


@dataclass
class Station:
    """One server of the fleet and all that a door is given; a case of bad input changes one thing of it.

    `identity`, `bucket` and `endpoint` are whose rights the doors have, and where.
    """

    server_id: str
    folder: Path
    seaweedfs: SeaweedFS
    ssh: SshServer
    identity: str = ADMIN
    bucket: str = BUCKET
    endpoint: str | None = None
    job: Job = field(init=False)
    body: str | None = None
    queue: RecordingQueue = field(default_factory=RecordingQueue)
    cleanup: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.game = self.folder / "game"
        self.database = self.game / "world.db"
        self.staging = self.folder / "staging"
        self.scratch = self.folder / "scratch"
        for folder in (self.game, self.scratch):
            folder.mkdir(parents=True)
        create(self.database, "delete")
        self.secrets = {KEY_SECRET: self.ssh.private_key}
        self.job = Job(ArtifactId(self.server_id, Kind.DATABASE, "database"), _FIRST_SLOT)
        connection = self.ssh.ssh_settings(KEY_SECRET).model_dump(include={"host", "port", "user", "host_keys", "key_secret"})
        self.server: dict[str, Any] = {
            "id": self.server_id,
            "ssh": connection,
            "staging": str(self.staging),
            "databases": [{"path": str(self.database), "deadline": "2s", "literal": True}],
        }
        self.push_fleet()

    @property
    def store(self) -> S3Store:
        """The store as its owner sees it."""
        return S3Store(self.seaweedfs.client(), BUCKET, conditional_writes=False)

    def push_fleet(self, text: str | None = None) -> None:
        """Put a fleet file into the bucket, by default that of this station's server."""
        self.store.put(FLEET_KEY, (text or json.dumps({"servers": [self.server]})).encode())

    def services(self) -> Services:
        """Return what stands where services() would."""
        pair = self.seaweedfs.credentials(self.identity)
        client = profiles.client(
            Provider.PORTABLE,
            endpoint=self.endpoint or self.seaweedfs.endpoint,
            region=self.seaweedfs.region,
            access_key_id=pair.access_key_id,
            secret_access_key=pair.secret_access_key,
        )
        store = S3Store(client, self.bucket, conditional_writes=False)
        return RecordedServices(
            settings=Settings(bucket=self.bucket),
            store=store,
            catalog=Catalog(store),
            secrets=SecretsManager(KeptSecrets(self.secrets)),
            announcer=RecordingAnnouncer(),
            sqs=None,
            scratch=self.scratch,
            sign_token=no_token,
            client=no_client,
            recorded=self.queue,
        )

    def event(self) -> dict[str, Any]:
        """Return the event of the station's job, or of its message as it is."""
        given = deepcopy(event("collect", "database"))
        given["Records"][0]["body"] = self.job.to_json() if self.body is None else self.body
        return given

    def next_slot(self) -> None:
        """Let an hour pass."""
        self.body = None
        self.job = replace(self.job, slot=Slot(self.job.slot.at + timedelta(hours=1)))

    def hold(self, *statements: str) -> None:
        """Let another process hold the database, after these statements, until the clean-up."""
        command = [sys.executable, "-c", _HOLD, str(self.database), *statements]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        self.cleanup.callback(process.communicate)

    def failure(self) -> dict[str, Any] | None:
        """Return what the artifact's state remembers of its last failure, None if it has no state or no failure."""
        try:
            failure: dict[str, Any] | None = json.loads(self.store.get(self.job.artifact_id.state_key))["failure"]
        except ObjectNotFoundError:
            return None
        return failure

    def is_stored(self) -> bool:
        """Tell whether the job's backup is there with its record."""
        key = BackupKey(self.job.artifact_id, self.job.slot, Compression.ZSTD)
        return Catalog(self.store).has(key, RecordName.STORED) and self.store.head(key.text).size > 0

    def leftovers(self) -> list[str]:
        """Return everything that a failed run must not leave: objects, records, uploads, snapshots, copies."""
        store = self.store
        prefixes = f"servers/{self.server_id}/", f"catalog/servers/{self.server_id}/"
        found = [info.key for prefix in prefixes for info in store.list(prefix)]
        found += [upload.key for upload in store.list_uploads("") if self.server_id in upload.key]
        for folder in (Path(str(self.server["staging"])), self.scratch):
            found += [str(file) for file in folder.rglob("*")] if folder.exists() else []
        return found

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of every file of the game, but for those that any reader of a WAL database makes beside it."""
        files = [file for file in self.game.rglob("*") if file.is_file() and not file.name.endswith(("-wal", "-shm"))]
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    def canaries(self) -> list[str]:
        """Return every text that must never be shown: the lines of the private keys, the secret keys of the store."""
        lines = [line for secret in (*self.secrets.values(), self.ssh.private_key) for line in secret.splitlines()]
        keys = [self.seaweedfs.credentials(name).secret_access_key for name in (ADMIN, "stranger", "reader")]
        return [text for text in (*lines, *keys) if len(text) > 12 and "PRIVATE KEY" not in text]
