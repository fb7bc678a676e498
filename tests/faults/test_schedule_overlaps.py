"""Fault 34: schedules overlap and are delivered twice: one run of a server at a time, one backup of a slot, backlogs coalesce."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.collect.ports import Ports
from fleetsave.collect.room import collect
from fleetsave.dispatch.event import parse_event
from fleetsave.dispatch.room import dispatch
from fleetsave.local.emulator import Emulator
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.fleet import Fleet, Server
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey
from fleetsave.model.kinds import Kind
from fleetsave.model.schedules import Schedule
from fleetsave.queues import SqsJobQueue
from tests.fakes.job_queue import RecordingAnnouncer
from tests.fakes.memory_store import MemoryStore
from tests.fakes.sqlite_source import FakeSource, Snapshot
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS

pytestmark = FINISHES
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY = {Kind.DATABASE: Schedule("cron(0 * * * ? *)", HOUR)}
SERVERS = ("alpha", "beta", "gamma")
SSH = {"host": "localhost", "user": "backup", "host_keys": ["ssh-ed25519 AAAA"], "key_secret": "fleetsave/ssh/read-default"}
DATABASES = [{"path": "/srv/a.db"}, {"name": "second", "path": "/srv/b.db"}]
FLEET = Fleet.model_validate({"servers": [{"id": one, "ssh": SSH, "databases": DATABASES} for one in SERVERS]})


@dataclass
class FifoQueue:
    """What SQS FIFO promises: a group's messages in order, one at a time; what is sent twice in five minutes is there once."""

    honours_groups: bool = True
    waiting: list[Job] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, jobs: Sequence[Job]) -> None:
        with self.lock:
            for job in jobs:
                if job.identity not in self.known:
                    self.known.add(job.identity)
                    self.waiting.append(Job.from_json(job.to_json()))

    def forget(self) -> None:
        """Let five minutes pass: what is sent again then is there twice."""
        with self.lock:
            self.known.clear()

    def receive(self) -> Job | None:
        with self.lock:
            for job in self.waiting:
                if job.group not in self.busy or not self.honours_groups:
                    self.waiting.remove(job)
                    self.busy.add(job.group)
                    return job
        return None

    def done(self, job: Job) -> None:
        with self.lock:
            self.busy.discard(job.group)

    @property
    def is_empty(self) -> bool:
        return not self.waiting

    def postpone(self, receipt_handle: str, receive_count: int) -> None:
        raise AssertionError((receipt_handle, receive_count))

    def return_at_once(self, receipt_handle: str) -> None:
        raise AssertionError(receipt_handle)


class EmulatedQueue(SqsJobQueue):
    """A FIFO queue of the emulator, asked by the client that functions have; what it knows, it knows for five minutes."""

    def __init__(self, client: Any) -> None:
        attributes = {"FifoQueue": "true", "VisibilityTimeout": "60"}
        self.url = client.create_queue(QueueName=f"{uuid4()}.fifo", Attributes=attributes)["QueueUrl"]
        self.client = client
        self.receipts: dict[Job, str] = {}
        super().__init__(client, self.url)

    @property
    def is_empty(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return all(told[name] == "0" for name in names)

    def forget(self) -> None:
        """Nothing is forgotten before its time."""

    def receive(self) -> Job | None:
        for message in self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=1).get("Messages", []):
            job = Job.from_json(message["Body"])
            self.receipts[job] = message["ReceiptHandle"]
            return job
        return None

    def done(self, job: Job) -> None:
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=self.receipts[job])


@dataclass
class Station:
    """Servers that notice when two runs are at work on one of them, and workers that take jobs from one queue."""

    now: datetime
    queue: FifoQueue | EmulatedQueue
    schedules: Mapping[Kind, Schedule] = field(default_factory=lambda: HOURLY)
    runs: Counter[str] = field(default_factory=Counter)
    overlaps: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    captured: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.store = MemoryStore(lambda: self.now, minimum_part_size=1)
        self.sources = {one: _Source(self, one) for one in SERVERS}

    def schedule(self, slot: datetime) -> None:
        """Let a schedule's message come for a slot."""
        body = f'{{"kind":"database","slot":"{slot.isoformat()}","period_minutes":60}}'
        kind, parsed = parse_event(body, self.now)
        dispatch(kind, parsed, fleet=FLEET, queue=self.queue)

    def work(self, workers: int) -> None:
        """Let so many functions take jobs side by side until there is none."""
        with ThreadPoolExecutor(workers) as pool:
            for run in [pool.submit(self._take_jobs) for _ in range(workers)]:
                run.result()

    def _take_jobs(self) -> None:
        while not self.queue.is_empty:
            job = self.queue.receive()
            if job is None:
                time.sleep(0.0005)
                continue
            try:
                collect(job, self._ports())
            except FleetsaveError as error:
                self.failures.append(str(error))
            finally:
                self.queue.done(job)

    def _ports(self) -> Ports:
        return Ports(
            fleet=FLEET, store=self.store, catalog=Catalog(self.store), recoveries=Recoveries(self.store), queue=self.queue,
            announcer=RecordingAnnouncer(), bucket="backups", endpoint=None, open_source=self._open, open_dump=_no_dump,
            now=lambda: self.now, is_near_deadline=lambda: False, pause=lambda _: None, scratch=Path("unused"),
            schedules=self.schedules,
        )  # fmt: skip

    def _open(self, server: Server) -> FakeSource:
        self.runs[server.id] += 1
        if self.runs[server.id] > 1:
            self.overlaps.append(server.id)
        return self.sources[server.id]


class _Source(FakeSource):
    def __init__(self, station: Station, server_id: str) -> None:
        super().__init__({"/srv/a.db": b"a" * 4096, "/srv/b.db": b"b" * 4096})
        self._station = station
        self._server_id = server_id

    def capture(self, *given: Any, **named: Any) -> Snapshot:
        time.sleep(0.001)
        self._station.captured[f"{self._server_id} {given[2]}"] += 1
        return super().capture(*given, **named)

    def close(self) -> None:
        self._station.runs[self._server_id] -= 1


def _no_dump(*_: object) -> Any:
    raise AssertionError("there is no PostgreSQL here")


def overlap(tally: Tally, queue: FifoQueue | EmulatedQueue, schedules: Mapping[Kind, Schedule] = HOURLY) -> None:
    """Let from one to six slots come, some twice, some twice and late, with workers at work in between or only at the end."""
    chance = tally.chance
    slots = [NOON + number * HOUR for number in range(chance.randint(1, 6))]
    station = Station(NOON, queue, schedules)
    waits = chance.random() < 0.5
    for slot in slots:
        station.now = slot + timedelta(seconds=chance.randrange(3000))
        for _ in range(chance.randint(1, 3)):
            station.schedule(slot)
            if chance.random() < 0.5:
                queue.forget()
        if not waits:
            station.work(chance.randint(2, 6))
    station.work(chance.randint(2, 6))
    judge(tally, station, slots, waits=waits)


def judge(tally: Tally, station: Station, slots: Sequence[datetime], *, waits: bool) -> None:
    """Note unless every slot, or of a backlog the newest, has one backup of each artifact, captured once by one run at a time."""
    stored: defaultdict[str, list[datetime]] = defaultdict(list)
    for info in station.store.list("servers/"):
        key = BackupKey.parse(info.key)
        stored[str(key.artifact_id)].append(key.slot.at)
    wanted = slots[-1:] if waits else list(slots)
    for artifact_id in FLEET.artifact_ids(Kind.DATABASE):
        if sorted(stored[str(artifact_id)]) != wanted:
            tally.lose(f"{artifact_id}: {stored[str(artifact_id)]}, wanted {wanted}")
    for name, times in station.captured.items():
        if times > 1:
            tally.lose(f"{name} was captured {times} times")
    for failure in station.failures:
        tally.lose(failure)
    if station.overlaps:
        tally.accepted(f"two runs at once of {station.overlaps}")


def test_overlapping_and_doubled_schedules() -> None:
    with scored(34) as tally:
        for _ in tally.each():
            overlap(tally, FifoQueue())


def test_overlapping_and_doubled_schedules_on_a_queue_of_the_emulator(emulator_server: Emulator) -> None:
    client = emulator_server.client("sqs")
    with scored(34, "the emulator's queue", share=4) as tally:
        for _ in tally.each():
            queue = EmulatedQueue(client)
            overlap(tally, queue)
            client.delete_queue(QueueUrl=queue.url)


def test_jobs_of_one_server_in_two_groups_are_found_out(emulator_server: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Job, "group", property(lambda job: str(job.artifact_id).replace("/", "-")))
    tally = Tally(FAULTS[34], "", 1, 7, Random(7))
    while not tally.bad_accepted and tally.made < 20:
        overlap(tally, EmulatedQueue(emulator_server.client("sqs")))
        tally.made += 1
    assert tally.bad_accepted


def test_a_queue_that_lets_two_runs_at_one_server_is_found_out() -> None:
    tally = Tally(FAULTS[34], "", 1, 7, Random(7))
    for _ in range(20):
        overlap(tally, FifoQueue(honours_groups=False))
    assert tally.bad_accepted


def test_a_backlog_that_does_not_coalesce_is_found_out() -> None:
    tally = Tally(FAULTS[34], "", 1, 7, Random(7))
    for _ in range(20):
        overlap(tally, FifoQueue(), schedules={})
    assert tally.lost
