"""What the demonstration plays on: the deployed stack, game servers, and a view of what has been proven so far."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from botocore.credentials import Credentials

from fleetsave.api_client import RecoveryApi
from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.local.agent_game_server import AgentGameServer
from fleetsave.local.central_database import CentralDatabase
from fleetsave.local.emulator import REGION
from fleetsave.local.game_servers import Game, GameDatabase, GameServer, fleet_text
from fleetsave.local.stack import LocalStack, Profile
from fleetsave.local.webhook import Webhook
from fleetsave.local.world_tree import WorldTree
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Kind
from fleetsave.model.records import StoredRecord, VerdictRecord
from fleetsave.store.base import ObjectStore

PARAMETERS = {
    "DatabaseSchedule": "cron(* * * * ? *)",
    "DatabasePeriodMinutes": "1",
    "PostgresqlSchedule": "cron(* * * * ? *)",
    "PostgresqlPeriodMinutes": "1",
    "WatchdogState": "DISABLED",
    "NoticeSecret": "notices",
}
"""The mission's schedule is hourly; a person who watches gets one a minute, and the watchdog looks when its scene asks."""

_FUNCTIONS = tuple(
    f"{name}Function" for name in ("Dispatch", "Collect", "Verify", "Prune", "Watchdog", "Api", "Recover")
)  # fmt: skip

SHORT_LIVED = ArtifactId("server_001", Kind.DATABASE, "scratchpad")
"""The artifact whose retention is seconds, so that prune has something to do."""


OVER_HTTPS = "server_004"
FILES = ArtifactId(OVER_HTTPS, Kind.FILES, "files")
FULL = ArtifactId(OVER_HTTPS, Kind.FULL, "full")

CENTRAL = ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, "postgresql")


@dataclass
class Stage:
    """The parts that scenes work with; records are read once."""

    stack: LocalStack
    store: ObjectStore
    catalog: Catalog
    servers: list[GameServer]
    over_https: AgentGameServer
    central: CentralDatabase
    api: RecoveryApi
    webhook: Webhook
    _stored: dict[BackupKey, StoredRecord] = field(default_factory=dict)
    _verdicts: dict[tuple[BackupKey, RecordName], VerdictRecord] = field(default_factory=dict)

    @property
    def every_server(self) -> list[GameServer | AgentGameServer]:
        """Return all game servers."""
        return [*self.servers, self.over_https]

    @property
    def games(self) -> dict[ArtifactId, Game]:
        """Return the running game behind each artifact."""
        return {
            ArtifactId(server.id, Kind.DATABASE, game.database.name): game
            for server in self.every_server
            for game in server.games
        }

    @property
    def tree(self) -> WorldTree:
        """Return the folder of the server that is reached over HTTPS."""
        return self.over_https.tree

    @property
    def artifacts(self) -> list[ArtifactId]:
        """Return everything that is backed up every minute."""
        return [*self.games, CENTRAL]

    def backups(self, artifact_id: ArtifactId) -> list[Backup]:
        """Return an artifact's backups, oldest first."""
        listed = self.catalog.backups(artifact_id.server_id, artifact_id.kind)
        return sorted((backup for backup in listed if backup.key.artifact_id == artifact_id), key=lambda backup: backup.key)

    def newest(self, artifact_id: ArtifactId, state: State | None = None) -> Backup | None:
        """Return an artifact's newest backup, or its newest in one state."""
        found = [backup for backup in self.backups(artifact_id) if state in (None, backup.state)]
        return found[-1] if found else None

    def stored(self, key: BackupKey) -> StoredRecord:
        """Return a backup's stored record."""
        if key not in self._stored:
            self._stored[key] = self.catalog.stored(key)
        return self._stored[key]

    def send(self, queue: str, message: dict[str, object]) -> None:
        """Put a message on one of the template's queues."""
        self.stack.client("sqs").send_message(QueueUrl=self.stack.physical_name(queue), MessageBody=json.dumps(message))

    def is_idle(self) -> bool:
        """Tell whether no job and no verification is waiting or under way."""
        return self.stack.queue_depth("CollectQueue") + self.stack.queue_depth("VerifyQueue") == 0

    def troubles(self) -> str:
        """Return what the functions printed last, for when something expected did not happen."""
        logs = [f"--- {function}\n{self.stack.function_log(function)[-1500:]}" for function in _FUNCTIONS]
        return "\n".join(logs)

    def addresses(self) -> str:
        """Return where everything is, for a person who wants to look around."""
        keys = self.stack.state / "store" / "identities.json"
        lines = [
            f"AWS emulator    {self.stack.endpoint}",
            f"store           {self.stack.store_endpoint}, bucket {self.stack.outputs['BucketName']}, its keys in {keys}",
            f"recovery API    {self.stack.api_url}, for callers that IAM lets in",
            f"state and logs  {self.stack.state}",
        ]
        for server in self.servers:
            key = server.directory / "sshd" / "client_key"
            lines.append(f"{server.id}      ssh -i {key} -p {server.ssh.port} {server.ssh.user}@127.0.0.1")
        agent = self.over_https.agent
        lines.append(
            f"{OVER_HTTPS}      https://127.0.0.1:{agent.port}/backup/, token in {agent.configuration.parent}/read.token"
        )
        lines.append(
            f"{CENTRAL.server_id}         port {self.central.server.port}, as postgres; password in {self.central.server.folder}"
        )
        return "\n".join(lines)

    def verdict(self, key: BackupKey, name: RecordName) -> VerdictRecord:
        """Return one of a backup's verdicts."""
        if (key, name) not in self._verdicts:
            self._verdicts[key, name] = self.catalog.verdict(key, name)
        return self._verdicts[key, name]


@contextmanager
def set_up(directory: Path, say: Callable[[str], None]) -> Iterator[Stage]:
    """Start everything, deploy, and put the fleet in place; whatever happens, nothing is left running."""
    with ExitStack() as stack:
        say("starting three game servers: an sshd each, and games that write without pause")
        servers = [stack.enter_context(_server(*given)) for given in _servers(directory / "servers")]
        say("starting a fourth, with the agent in place of an sshd, and making its folder of 30,000 files")
        over_https = stack.enter_context(_over_https(directory / "servers" / OVER_HTTPS))
        say("starting the central PostgreSQL, which pgbench writes without pause")
        central = stack.enter_context(_central(directory / "postgresql"))
        webhook = stack.enter_context(Webhook())
        local = stack.enter_context(LocalStack(Profile.SEAWEEDFS, parameters=PARAMETERS, progress=say))
        for server in servers:
            for secret in (server.key_secret, server.restore_secret):
                local.put_secret(secret, server.ssh.private_key)
        for name, account in (central.secrets | over_https.secrets).items():
            local.put_secret(name, account)
        local.put_secret("fleetsave/notices", json.dumps({"notices": [webhook.address]}))
        store = local.store()
        retention = {"keep_last": 1, "maximum_share": 1}
        every: list[GameServer | AgentGameServer] = [*servers, over_https]
        write_fleet(store, fleet_text(every, postgresql=central.fleet_entry(retention=retention)))
        operator = Credentials(*local.api_credentials("operator"))
        yield Stage(
            local, store, Catalog(store), servers, over_https, central, RecoveryApi(local.api_url, operator, REGION), webhook
        )


def _servers(directory: Path) -> list[tuple[str, Path, list[GameDatabase]]]:
    one = {"keep_last": 1, "maximum_share": 1}
    seconds = {"keep_for": "20s", **one}
    return [
        (
            "server_001",
            directory / "server_001",
            [
                GameDatabase("database", "game.db", world_megabytes=48, retention=one),
                GameDatabase("scratchpad", "scratchpad.db", retention=seconds),
            ],
        ),
        (
            "server_002",
            directory / "server_002",
            [GameDatabase("database", "game.db", journal_mode="delete", world_megabytes=16, retention=one)],
        ),
        (
            "server_003",
            directory / "server_003",
            [
                GameDatabase("database", 'worlds; $(reboot)/it\'s the "main" world?.db'),
                GameDatabase("inventory", "-rf * 雪 #100%.db", journal_mode="delete", rate=20, retention=one),
            ],
        ),
    ]


@contextmanager
def _over_https(directory: Path) -> Iterator[AgentGameServer]:
    retention = {"keep_last": 1, "maximum_share": 1}
    server = AgentGameServer(OVER_HTTPS, directory, [GameDatabase("database", "arena.db", retention=retention)])
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _central(directory: Path) -> Iterator[CentralDatabase]:
    central = CentralDatabase(directory)
    try:
        yield central
    finally:
        central.stop()


@contextmanager
def _server(server_id: str, directory: Path, databases: list[GameDatabase]) -> Iterator[GameServer]:
    server = GameServer(server_id, directory, databases)
    try:
        yield server
    finally:
        server.stop()
