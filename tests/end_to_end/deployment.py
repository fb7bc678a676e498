"""A deployed stack as the tests see it: fire a schedule, look into the bucket, wait until something is so."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fleetsave.catalog.catalog import Catalog
from fleetsave.local.game_servers import GameServer
from fleetsave.local.stack import LocalStack, Profile
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from fleetsave.store.base import ObjectStore
from fleetsave.store.decompress import plain_chunks

PATIENCE = 90.0


@dataclass(frozen=True)
class Deployment:
    """One profile's stack and its game servers."""

    profile: Profile
    stack: LocalStack
    servers: list[GameServer]

    @property
    def store(self) -> ObjectStore:
        return self.stack.store()

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.store)

    @property
    def artifacts(self) -> list[ArtifactId]:
        return [
            ArtifactId(server.id, Kind.DATABASE, game.database.name) for server in self.servers for game in server.games
        ]  # fmt: skip

    def fire(self, slot: Slot) -> None:
        """Send what the schedule of databases sends, for a slot of our choice."""
        self.send("DispatchQueue", {"kind": "database", "slot": slot.at.isoformat(), "period_minutes": 1})

    def send(self, queue: str, message: dict[str, object]) -> None:
        url = self.stack.physical_name(queue)
        group = {"MessageGroupId": "looks"} if url.endswith(".fifo") else {}
        self.stack.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(message), **group)

    def backups(self, artifact_id: ArtifactId) -> list[Backup]:
        listed = self.catalog.backups(artifact_id.server_id, artifact_id.kind)
        return sorted((backup for backup in listed if backup.key.artifact_id == artifact_id), key=lambda backup: backup.key)

    def state(self, key: BackupKey) -> State | None:
        return next((backup.state for backup in self.backups(key.artifact_id) if backup.key == key), None)

    def wait_for(self, what: str, seen: Callable[[], bool], *, patience: float = PATIENCE) -> None:
        """Wait until `seen()`; fail with what the functions printed last."""
        deadline = time.monotonic() + patience
        while not seen():
            if time.monotonic() > deadline:
                functions = [
                    f"{name}Function" for name in ("Dispatch", "Collect", "Verify", "Prune", "Api", "Recover", "Watchdog")
                ]
                logs = "\n".join(f"--- {name}\n{self.stack.function_log(name)[-3000:]}" for name in functions)
                raise AssertionError(f"not seen within {patience:.0f} s: {what}\n{logs}")
            time.sleep(0.25)

    def wait_for_state(self, key: BackupKey, state: State) -> None:
        self.wait_for(f"{key} {state}", lambda: self.state(key) is state)

    def download(self, key: BackupKey, directory: Path) -> Path:
        """Fetch and unpack a backup, as a person would."""
        plain = directory / "restored.db"
        with plain.open("wb") as file:
            file.writelines(plain_chunks(self.store.read(key.text), key.compression))
        return plain


def slot_of_minute(minutes_ago: int) -> Slot:
    """Return a slot within the last day; tests take different minutes, so that none meets another's backups."""
    return Slot.floor(datetime.now(UTC) - timedelta(minutes=minutes_ago), timedelta(minutes=1))
