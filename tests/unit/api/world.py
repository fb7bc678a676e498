"""The API over a store and a queue in memory, asked with REST proxy events as API Gateway sends them."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import fleetsave
from fleetsave.api.door import Api
from fleetsave.api.ports import ApiPorts
from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.fleet_file import read_fleet, write_fleet
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.errors import QueueError
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.recoveries import Recovery
from fleetsave.model.recovery_jobs import RecoveryJob
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import RecoveryRecord, RecoveryState, Safety, SwapMethod, SwapReport
from fleetsave.model.slots import Slot
from fleetsave.planning.plan import make_plan
from fleetsave.store.base import ObjectStore
from fleetsave.surveyor import Surveyor
from tests.fakes.job_queue import RecordingRecoveryQueue
from tests.fakes.memory_store import MemoryStore
from tests.functions.context import context, event
from tests.unit.planning.dumps import dump_report, stored_dump
from tests.unit.prune.bucket import BODY, stored, verdict

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
NOW = NOON + timedelta(minutes=5)
PATH = "/srv/game/world.db"
FLEET = """
servers:
  - id: server_001
    ssh: {host: localhost, user: backup, host_keys: [ssh-ed25519 AAAA], key_secret: fleetsave/ssh/read-default}
    databases: [{path: /srv/game/world.db}]
  - id: server_002
    ssh: {host: localhost, user: backup, host_keys: [ssh-ed25519 AAAA], key_secret: fleetsave/ssh/read-default}
    databases: [{path: /srv/game/world.db}]
  - id: server_003
    ssh: {host: localhost, user: backup, host_keys: [ssh-ed25519 AAAA], key_secret: fleetsave/ssh/read-default}
    databases: [{name: world, path: /srv/a/world.db}, {name: players, path: /srv/a/players.db}]
"""
MISSION = {
    "server_id": "server_001",
    "backup_key": "servers/server_001/database/server_001_20240101_120000_database.db",
    "backup_type": "database",
}
NEWEST = {"server_id": "server_001", "backup_type": "database"}
CENTRAL = """
postgresql:
  host: db.example.com
  secret: fleetsave/postgresql/read-central
  databases: [{database: game}]
"""
CENTRAL_NEWEST = {"server_id": "central", "backup_type": "postgresql"}
RECOVER = "/backup/recover"
FIRST = "server_001.000001"
VERIFIED = (RecordName.STORED, RecordName.VERIFIED)


@dataclass(frozen=True)
class Reply:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    document: Any

    @property
    def reason(self) -> str:
        """Return the last part of a problem's type."""
        assert self.headers["content-type"] == "application/problem+json", self.document
        prefix, _, reason = str(self.document["type"]).rpartition(":")
        assert (prefix, reason) == ("urn:fleetsave:problem", self.document["reason"])
        assert self.document["status"] == self.status
        return reason


@dataclass
class BrokenQueue(RecordingRecoveryQueue):
    """A queue that refuses until it is mended."""

    is_broken: bool = False

    def send(self, job: RecoveryJob) -> None:
        if self.is_broken:
            raise QueueError("send recovery", "queue", "ServiceUnavailable", "Wait.", retryable=True)
        super().send(job)


@dataclass
class World:
    """Stands where services() would; the fleet file is there, and one verified backup at the mission's key."""

    store: ObjectStore = field(default_factory=lambda: MemoryStore(lambda: NOW))
    queue: BrokenQueue = field(default_factory=BrokenQueue)
    moment: datetime = NOW
    surveyor: Surveyor | None = None

    def __post_init__(self) -> None:
        self.catalog = Catalog(self.store)
        self.recoveries = Recoveries(self.store)
        write_fleet(self.store, FLEET)
        self.add(key_of())

    @cached_property
    def api(self) -> Api:
        """Return the API over this world, which is dear to make."""
        return Api(self.api_ports)

    @property
    def memory(self) -> MemoryStore:
        assert isinstance(self.store, MemoryStore)
        return self.store

    @property
    def jobs(self) -> list[str]:
        """Return the identities of the jobs sent."""
        return [job.identity for job in self.queue.jobs]

    def now(self) -> datetime:
        return self.moment

    def api_ports(self) -> ApiPorts:
        return ApiPorts(self.store, self.catalog, self.recoveries, self.queue, self.now, self.surveyor)

    def add(self, key: BackupKey, *records: RecordName, source_path: str = PATH) -> BackupKey:
        """Put a backup there, verified unless other records are given."""
        self.store.put(key.text, BODY)
        for name in records or VERIFIED:
            if name is RecordName.PRUNED:
                self.store.put(key.record_key(name), b"{}")
            elif name is RecordName.STORED:
                self.catalog.append(key, name, replace(stored(key), source_path=source_path))
            else:
                self.catalog.append(key, name, verdict(key, name))
        return key

    def add_central(self) -> BackupKey:
        """Let the fleet have a central PostgreSQL, with one verified dump."""
        write_fleet(self.store, FLEET + CENTRAL)
        key = BackupKey(ArtifactId("central", Kind.POSTGRESQL, "postgresql"), Slot(NOON), Compression.ZSTD)
        self.store.put(key.text, BODY)
        record = stored_dump(key, dump_report(key, {"public.players": 3}))
        self.catalog.append(key, RecordName.STORED, record)
        self.catalog.append(key, RecordName.VERIFIED, verdict(key, RecordName.VERIFIED))
        return key

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        raw: str | None = None,
    ) -> Reply:
        """Ask the API; `query` holds one value, or a list of them, for each name; `raw` is a body as it is."""
        text = raw if raw is not None or body is None else json.dumps(body)
        return reply_of(self.api.answer(rest_event(method, path, text, query, headers), context()))

    def begin(self, body: Mapping[str, Any] = MISSION, **headers: str) -> str:
        """Begin a recovery and return its id."""
        reply = self.ask("POST", RECOVER, body, headers={name.replace("_", "-"): value for name, value in headers.items()})
        assert reply.status == 202, reply
        return str(reply.document["id"])

    def step(self, recovery_id: str, *states: RecoveryState, **facts: Any) -> Recovery:
        """Go on with a recovery as the worker does: one record for each state; `facts` stand in the last one."""
        recovery = self.recoveries.load(RecoveryId.parse(recovery_id))
        for state in states:
            told = facts if state is states[-1] else {}
            record = RecoveryRecord(recovery_id, state, self.moment, f"it is {state}", fleetsave.__version__, **told)
            recovery = self.recoveries.append(recovery, record)
        return recovery

    def finish(self, recovery_id: str, *, kept: str | None = None, safety: bool = True) -> BackupKey:
        """Bring a recovery to its good end; return the key of its safety backup."""
        recovery = self.recoveries.load(RecoveryId.parse(recovery_id))
        plan = make_plan(recovery.request, read_fleet(self.store), self.catalog)
        key = key_of("safety-database", at=NOON + timedelta(minutes=4), server_id=recovery.request.target_server_id)
        if safety:
            self.add(key)
        made = Safety(key.text, "verified", "backed up") if safety else Safety(None, None, "it was damaged")
        swap = SwapReport(SwapMethod.SET_ASIDE if kept else SwapMethod.IN_PLACE, 0.2, None, moved_on=False, kept=kept)
        self.step(recovery_id, RecoveryState.SELECTED, plan=plan)
        self.step(recovery_id, RecoveryState.SECURED, safety=made)
        self.step(recovery_id, RecoveryState.UPLOADED, RecoveryState.CHECKED, RecoveryState.SWAPPING)
        self.step(recovery_id, RecoveryState.SWAPPED, swap=swap)
        self.step(recovery_id, RecoveryState.RECOVERED, findings=verdict(key, RecordName.VERIFIED).findings)
        return key


def key_of(artifact: str = "database", *, at: datetime = NOON, server_id: str = "server_001") -> BackupKey:
    return BackupKey(ArtifactId(server_id, Kind.DATABASE, artifact), Slot(at), Compression.ZSTD)


def rest_event(
    method: str,
    path: str,
    text: str | None,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a REST proxy event like those of `events/api`."""
    made = copy.deepcopy(event("api", "recover"))
    given = {name: value for name, value in made["headers"].items() if name not in ("Idempotency-Key", "Content-Type")}
    given |= {"Content-Type": "application/json"} if text is not None else {}
    given |= dict(headers or {})
    several = {name: value if isinstance(value, list) else [value] for name, value in (query or {}).items()}
    made.update(
        httpMethod=method,
        path=path,
        body=text,
        headers=given,
        multiValueHeaders={name: [value] for name, value in given.items()},
        queryStringParameters={name: values[-1] for name, values in several.items()} or None,
        multiValueQueryStringParameters=several or None,
    )
    made["requestContext"].update(path=f"/v1{path}", httpMethod=method)
    return made


def reply_of(answer: Mapping[str, Any]) -> Reply:
    """Return an answer as a client reads it."""
    headers = {name.lower(): ", ".join(values) for name, values in answer["multiValueHeaders"].items()}
    assert answer["isBase64Encoded"] is False
    return Reply(answer["statusCode"], headers, json.loads(answer["body"]))
