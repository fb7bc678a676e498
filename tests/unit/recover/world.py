"""A store, queues and a server in memory, and recover among them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.fleet import Fleet
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.records import Finding, Level, Outcome, VerdictRecord
from fleetsave.model.recoveries import Recovery, Status
from fleetsave.model.recovery_jobs import RecoveryJob
from fleetsave.model.recovery_records import RecoveryRequest, RecoveryState
from fleetsave.model.slots import Slot
from fleetsave.recover.outcome import Outcome as RunOutcome
from fleetsave.recover.ports import Ports
from fleetsave.recover.room import recover
from fleetsave.recover.targets import OpenTarget, ServerTarget, planned, server_of
from fleetsave.transports.base import Transport
from tests.fakes.job_queue import RecordingQueue, RecordingRecoveryQueue
from tests.fakes.memory_store import MemoryStore
from tests.fakes.restorer import FINGERPRINT, FakeRestorer, FakeServer, HookTransport
from tests.fixtures.stored_backups import NOON, SOURCE_PATH, store_object

DATABASE = ArtifactId("server_001", Kind.DATABASE, "database")
KEY = BackupKey(DATABASE, NOON, Compression.ZSTD)
BEFORE, AFTER = "systemctl stop game", "systemctl start game"
OLD, NEW = b"SQLite format 3\0" + b"ruined" * 2_000, b"SQLite format 3\0\x10\0" + b"as it was" * 20_000
SSH = {"host": "localhost", "user": "backup", "host_keys": ["ssh-ed25519 AAAA"], "key_secret": "fleetsave/ssh/read-one"}


class CollectingQueue(RecordingQueue):
    """Stands for collect and verify: a safety backup is stored and judged as soon as its job is sent, if it is to be."""

    def __init__(self, world: "World") -> None:
        super().__init__()
        self._world = world

    def send(self, jobs: Sequence[Job]) -> None:
        super().send(jobs)
        for job in jobs:
            key = BackupKey(job.artifact_id, job.slot, Compression.ZSTD)
            if self._world.judge_safety_as is not None:
                self._world.put(key, self._world.server.target or b"", self._world.judge_safety_as)


class World:
    """Everything recover touches; `clock` moves by what it pauses, and a second with every look at it."""

    def __init__(self, *, hooks: bool = False) -> None:
        self.store = MemoryStore(minimum_part_size=1)
        self.server = FakeServer(OLD)
        self.collect_queue = CollectingQueue(self)
        self.recovery_queue = RecordingRecoveryQueue()
        self.judge_safety_as: RecordName | None = RecordName.VERIFIED
        self.safety_findings: list[Finding] = [Finding("checksum", Outcome.PASSED, "equal", Level.CHECKSUM)]
        self.safety_level = Level.EQUAL_TO_SOURCE
        self.clock = datetime(2024, 1, 1, 15, tzinfo=UTC)
        self.near_deadline: Callable[[], bool] = lambda: False
        self.seconds_left = 840.0
        self.pauses: list[float] = []
        self.on_pause: Callable[[], None] = lambda: None
        recovery = {"before": BEFORE, "after": AFTER} if hooks else {}
        content: dict[str, Any] = {
            "servers": [{"id": "server_001", "ssh": SSH, "databases": [{"path": SOURCE_PATH}], "recovery": recovery}]
        }
        self.fleet = Fleet.model_validate(content)
        self.put(KEY, NEW, RecordName.VERIFIED)

    @property
    def catalog(self) -> Catalog:
        return Catalog(self.store)

    @property
    def recoveries(self) -> Recoveries:
        return Recoveries(self.store)

    @property
    def ports(self) -> Ports:
        return Ports(
            fleet=self.fleet,
            store=self.store,
            catalog=self.catalog,
            recoveries=self.recoveries,
            collect_queue=self.collect_queue,
            recovery_queue=self.recovery_queue,
            open_target=self.open_target,
            now=self.now,
            seconds_left=self._seconds_left,
            pause=self.pause,
        )

    def open_target(self, recovery: Recovery) -> OpenTarget:
        transport = cast("Transport", HookTransport(self.server))
        server = server_of(self.fleet, recovery.id.server_id)
        return ServerTarget(server, transport, FakeRestorer(self.server, planned(recovery)))

    def _seconds_left(self) -> float:
        return 0 if self.near_deadline() else self.seconds_left

    def now(self) -> datetime:
        self.clock += timedelta(milliseconds=10)
        return self.clock

    def pause(self, seconds: float) -> None:
        self.clock += timedelta(seconds=seconds)
        self.pauses.append(seconds)
        self.on_pause()

    def put(self, key: BackupKey, plain: bytes, verdict: RecordName | None) -> None:
        """Store a backup and judge it."""
        if not self.catalog.has(key, RecordName.STORED):
            self.catalog.append(key, RecordName.STORED, store_object(self.store, key, plain, FINGERPRINT))
        if verdict is not None:
            is_safety = key.artifact_id.is_safety
            level, findings = (self.safety_level, self.safety_findings) if is_safety else (Level.EQUAL_TO_SOURCE, [])
            record = VerdictRecord(key.text, verdict, level, findings, "", "", "", self.now(), 1, "0")
            self.catalog.append(key, verdict, record)

    def ask(self, **what: object) -> Recovery:
        """Ask for a recovery, as the API does."""
        request = RecoveryRequest("server_001", Kind.DATABASE, "server_001", "arn:aws:iam::1:user/op", "0" * 64)
        return self.recoveries.begin(replace(request, **what), self.now()).recovery  # type: ignore[arg-type]  # the request's own names

    def run(self, recovery: Recovery, hop: int = 0) -> RunOutcome:
        """Let the worker do one message."""
        return recover(RecoveryJob(recovery.id, hop=hop), self.ports)

    def run_to_the_end(self, recovery: Recovery) -> Recovery:
        """Let the worker do messages until the recovery is finished."""
        self.run(recovery)
        while self.recovery_queue.jobs:
            recover(self.recovery_queue.jobs.pop(0), self.ports)
        return self.load(recovery)

    def load(self, recovery: Recovery) -> Recovery:
        return self.recoveries.load(recovery.id)

    def status(self, recovery: Recovery) -> Status:
        return self.load(recovery).status(self.clock, self.recoveries.progress("server_001"))

    def states(self, recovery: Recovery) -> list[RecoveryState]:
        return [record.state for record in self.load(recovery).records]


def safety_key(recovery: Recovery) -> BackupKey:
    """Return the key of a recovery's safety backup."""
    return BackupKey(DATABASE.safety, Slot(recovery.records[0].at.replace(microsecond=0)), Compression.ZSTD)
