"""A fleet in a bucket in memory, its queues, and looks at it at any time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.schedules import Schedule
from fleetsave.model.slots import Slot
from fleetsave.model.watch import Problem, ProblemKind, WatchReport
from fleetsave.store.base import ObjectStore
from fleetsave.watchdog.ports import Ports
from fleetsave.watchdog.room import watch
from tests.fakes.job_queue import RecordingQueue, RecordingVerificationQueue
from tests.unit.prune.bucket import NOW, VERIFIED, Bucket

HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
TOP = NOW.replace(minute=0)
"""The newest slot: half an hour before NOW."""

STORED = (RecordName.STORED,)
ALPHA, NORTH, BETA = (
    ArtifactId("alpha", Kind.DATABASE, "database"),
    ArtifactId("alpha", Kind.DATABASE, "worlds-north"),
    ArtifactId("beta", Kind.DATABASE, "database"),
)
FLEET = (ALPHA, NORTH, BETA)
"""What the bucket's fleet file means: of the glob `worlds` one file is known."""


def slot_of(hours: float, artifact_id: ArtifactId = ALPHA) -> BackupKey:
    """Return the key of the backup for the slot so many hours before the newest."""
    return BackupKey(artifact_id, Slot(TOP - hours * HOUR), Compression.ZSTD)


@dataclass
class World:
    """The bucket, its queues, and the clocks; `ours` is how far our clock is ahead of the store's."""

    bucket: Bucket = field(default_factory=Bucket)
    jobs: RecordingQueue = field(default_factory=RecordingQueue)
    verdicts: RecordingVerificationQueue = field(default_factory=RecordingVerificationQueue)
    ours: timedelta = timedelta(0)
    reread: timedelta | None = None

    def healthy(self, hours: int = 48, *, leave: Sequence[ArtifactId] = (), until: int = 0) -> "World":
        """Put a verified backup of each artifact there for every hour from so long ago to `until` hours ago."""
        for artifact_id in FLEET:
            if artifact_id not in leave:
                for hour in range(until, hours):
                    self.bucket.add(slot_of(hour, artifact_id))
        return self

    def put(
        self, hours: float, records: Sequence[RecordName] = VERIFIED, artifact_id: ArtifactId = ALPHA, *, data: bool = True
    ) -> BackupKey:
        """Put one backup there and return its key."""
        return self.bucket.add(slot_of(hours, artifact_id), records, data=data)

    @property
    def now(self) -> datetime:
        """Return the store's clock."""
        return self.bucket.clock.now

    def ports(self, store: ObjectStore | None = None) -> Ports:
        store = store or self.bucket.store
        return Ports(
            store=store,
            catalog=Catalog(store),
            recoveries=Recoveries(store),
            collect_queue=self.jobs,
            verify_queue=self.verdicts,
            schedules={
                Kind.DATABASE: Schedule("cron(0 * * * ? *)", HOUR),
                Kind.FILES: Schedule("cron(0 */6 * * ? *)", 6 * HOUR),
                Kind.POSTGRESQL: Schedule("cron(0 * * * ? *)", HOUR),
            },
            rpo=2 * HOUR,
            reread=self.reread,
            default_keep_for=timedelta(days=30),
            now=lambda: self.bucket.clock.now + self.ours,
            list_concurrency=4,
        )

    def look(self, *, mend: bool = True, store: ObjectStore | None = None) -> WatchReport:
        return watch(self.ports(store), mend=mend)

    def look_on(self, until: timedelta, every: timedelta = QUARTER) -> Iterator[tuple[timedelta, WatchReport]]:
        """Look again and again until so long from NOW, and yield each look with its time since NOW."""
        while self.now - NOW <= until:
            yield self.now - NOW, self.look()
            self.bucket.clock.now += every

    @property
    def is_quiet(self) -> bool:
        """Tell whether nothing was sent."""
        return not (self.jobs.jobs or self.verdicts.keys or self.verdicts.forced)

    def captures(self) -> list[Job]:
        """Return the captures that were queued, without the sweeps."""
        return [job for job in self.jobs.jobs if not job.sweep]

    def forget_what_was_sent(self) -> None:
        self.jobs.jobs.clear()
        self.verdicts.keys.clear()
        self.verdicts.forced.clear()

    def everything(self) -> dict[str, bytes]:
        """Return all objects of the bucket."""
        return {info.key: self.bucket.store.get(info.key) for info in self.bucket.store.list("")}


def kinds(report: WatchReport) -> list[ProblemKind]:
    return [problem.kind for problem in report.problems]


def only(report: WatchReport, kind: ProblemKind) -> Problem:
    """Return the one problem of a kind."""
    [found] = [problem for problem in report.problems if problem.kind is kind]
    return found
