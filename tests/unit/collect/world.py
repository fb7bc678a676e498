"""A store, a queue and a server in memory, and collect among them."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.collect.ports import Ports
from fleetsave.collect.state import StateFile
from fleetsave.model.errors import TransportError
from fleetsave.model.fleet import Fleet, Postgresql, PostgresqlDatabase
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.schedules import Schedule
from fleetsave.model.slots import Slot
from fleetsave.sources.base import LiveDump
from fleetsave.store.decompress import plain_chunks
from tests.fakes.job_queue import RecordingAnnouncer, RecordingQueue
from tests.fakes.memory_store import MemoryStore
from tests.fakes.sqlite_source import FakeSource

SLOT = Slot(datetime(2024, 1, 1, 12, tzinfo=UTC))
ARTIFACT = ArtifactId("server_001", Kind.DATABASE, "database")
JOB = Job(ARTIFACT, SLOT)
KEY = BackupKey(ARTIFACT, SLOT, Compression.ZSTD)
PATH = "/srv/game.db"
CONTENT = random.Random(1).randbytes(20 << 20)
SSH = {"host": "localhost", "user": "backup", "host_keys": ["ssh-ed25519 AAAA"], "key_secret": "fleetsave/ssh/read-default"}
FLEET = Fleet.model_validate(
    {"servers": [{"id": "server_001", "ssh": SSH, "databases": [{"path": PATH}, {"name": "worlds", "path": "/srv/worlds/*.db"}]}]}
)
BROKEN = TransportError("read", "server_001", "connection reset", "It is tried again.", retryable=True)


class World:
    """A store, a queue and a server in memory, and collect among them; a pause moves its clock, and does `while_waiting`."""

    def __init__(self, source: FakeSource) -> None:
        self.source = source
        self.store = MemoryStore()
        self.queue = RecordingQueue()
        self.announcer = RecordingAnnouncer()
        self.near_deadline: Callable[[], bool] = lambda: False
        self.now = datetime(2024, 1, 1, 12, 0, 5, tzinfo=UTC)
        self.while_waiting: Callable[[], None] = lambda: None

    def open_dump(
        self, postgresql: Postgresql, database: PostgresqlDatabase, _: Callable[[], bool]
    ) -> AbstractContextManager[LiveDump]:
        raise AssertionError(f"no test here dumps {database.database} of {postgresql.host}")

    @property
    def ports(self) -> Ports:
        return Ports(
            fleet=FLEET,
            store=self.store,
            catalog=Catalog(self.store),
            recoveries=Recoveries(self.store),
            queue=self.queue,
            announcer=self.announcer,
            bucket="backups",
            endpoint=None,
            open_source=lambda _: self.source,
            open_dump=self.open_dump,
            now=lambda: self.now,
            is_near_deadline=self._is_near_deadline,
            pause=self._pause,
            scratch=Path("unused"),
            schedules={Kind.DATABASE: Schedule("cron(0 * * * ? *)", timedelta(hours=1))},
        )

    def _pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.while_waiting()

    def _is_near_deadline(self) -> bool:
        return self.near_deadline()

    def plain(self, key: BackupKey = KEY) -> bytes:
        return b"".join(plain_chunks(self.store.read(key.text), key.compression))

    def open_uploads(self) -> int:
        return len(list(self.store.list_uploads("")))

    def state(self) -> StateFile:
        return StateFile(self.store, ARTIFACT)
