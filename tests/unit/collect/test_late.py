"""What is captured stands for the newest slot that is due, whichever job asks for it, and a backlog ends with one capture."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from fleetsave.catalog.catalog import Catalog
from fleetsave.collect.outcome import AlreadyStored, Expanded, Outcome, Stored, Superseded, Swept
from fleetsave.collect.room import collect
from fleetsave.collect.upload import LEFTOVER_AGE
from fleetsave.model.errors import ConfigurationError, TransportError
from fleetsave.model.fleet import Fleet, SqliteDatabase
from fleetsave.model.jobs import Job
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, BackupKey
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot
from fleetsave.sources.sqlite.names import snapshot_name
from tests.fakes.memory_store import MemoryStore
from tests.fakes.sqlite_source import FakeSource, Snapshot
from tests.unit.collect.world import ARTIFACT, BROKEN, JOB, KEY, PATH, SLOT, World

HOUR = timedelta(hours=1)
NEXT = Slot(SLOT.at + HOUR)


def slot_of(hours: int) -> Slot:
    return Slot(SLOT.at + hours * HOUR)


def job_of(hours: int) -> Job:
    return Job(ARTIFACT, slot_of(hours))


@pytest.fixture
def late(world: World) -> World:
    """It is a quarter past the next slot, by every clock."""
    world.store = MemoryStore(lambda: world.now)
    world.now = SLOT.at + timedelta(minutes=75)
    return world


def run(world: World, jobs: Sequence[Job]) -> list[Outcome]:
    return [collect(job, world.ports) for job in jobs]


def stored_slot(outcome: Outcome) -> str:
    assert isinstance(outcome, Stored)
    return outcome.record.slot


def test_a_late_job_captures_the_newest_slot_whose_own_job_then_finds_it_stored(late: World) -> None:
    assert stored_slot(collect(JOB, late.ports)) == NEXT.text
    assert collect(job_of(1), late.ports) == AlreadyStored(BackupKey(ARTIFACT, NEXT, Compression.ZSTD).text)
    assert late.source.captures == 1


def test_a_late_job_whose_newest_slot_is_stored_does_not_reach_the_server(late: World) -> None:
    def unreachable(_: object) -> FakeSource:
        raise AssertionError("the server was reached")

    collect(job_of(1), late.ports)
    assert collect(JOB, replace(late.ports, open_source=unreachable)) == Superseded(NEXT)


def test_a_backlog_of_a_day_ends_with_one_capture(late: World) -> None:
    late.now = SLOT.at + 23 * HOUR + timedelta(minutes=20)
    first, *others, own = run(late, [job_of(hours) for hours in range(24)])
    assert stored_slot(first) == slot_of(23).text
    assert {type(outcome) for outcome in others} == {Superseded}
    assert isinstance(own, AlreadyStored)
    assert late.source.captures == 1


@pytest.mark.parametrize("minutes", [0, 59])
def test_a_job_is_in_time_until_the_next_slot_is_due(late: World, minutes: int) -> None:
    late.now = SLOT.at + timedelta(minutes=minutes)
    assert stored_slot(collect(JOB, late.ports)) == SLOT.text


def test_nothing_is_late_where_no_schedule_is_known(late: World) -> None:
    assert stored_slot(collect(JOB, replace(late.ports, schedules={}))) == SLOT.text


def test_a_late_repetition_is_a_capture_of_the_newest_slot(late: World) -> None:
    outcome = collect(replace(JOB, repair=2), late.ports)
    assert isinstance(outcome, Stored)
    assert (outcome.record.slot, outcome.record.repair) == (NEXT.text, 0)


def test_a_safety_backup_stands_for_its_recovery_however_late(late: World) -> None:
    assert stored_slot(collect(replace(JOB, artifact_id=ARTIFACT.safety, source_path=PATH), late.ports)) == SLOT.text


def break_off(world: World, job: Job) -> None:
    """Let a run begin an upload and lose its server."""
    world.source.fails_at, world.source.error = 10 << 20, BROKEN
    with pytest.raises(TransportError):
        collect(job, world.ports)
    world.source.fails_at = None


def test_what_an_earlier_run_has_begun_is_left_to_the_newest_job_which_finishes_it_first(late: World) -> None:
    late.now = SLOT.at
    break_off(late, replace(JOB, repair=1))
    late.now = SLOT.at + 2 * HOUR
    assert collect(replace(JOB, repair=1), late.ports) == Superseded(slot_of(2))
    outcome = collect(job_of(2), late.ports)
    assert isinstance(outcome, Stored)
    assert (outcome.record.slot, outcome.record.repair) == (SLOT.repair(1).text, 1)
    assert late.queue.jobs == [replace(job_of(2), hop=1)]
    assert stored_slot(collect(late.queue.jobs[0], late.ports)) == slot_of(2).text


def test_what_an_earlier_run_has_begun_and_the_server_has_lost_is_captured_for_the_newest_slot(late: World) -> None:
    late.now = SLOT.at
    break_off(late, JOB)
    late.source.snapshots.clear()
    late.now = NEXT.at
    assert stored_slot(collect(job_of(1), late.ports)) == NEXT.text
    assert late.open_uploads() == 0


def test_a_safety_backup_does_not_wait_for_an_older_one(late: World) -> None:
    safety = replace(JOB, artifact_id=ARTIFACT.safety, source_path=PATH)
    break_off(late, safety)
    assert stored_slot(collect(replace(safety, slot=NEXT), late.ports)) == NEXT.text


def test_an_object_whose_run_was_killed_before_its_record_gets_it_from_the_next_slots_job(late: World) -> None:
    late.now = SLOT.at
    late.store.fail("complete_upload", BROKEN, after=True)
    with pytest.raises(TransportError):
        collect(JOB, late.ports)
    late.now = NEXT.at
    assert stored_slot(collect(job_of(1), late.ports)) == SLOT.text
    assert Catalog(late.store).stored(KEY).slot == SLOT.text
    assert late.source.captures == 1


@pytest.mark.parametrize("offset", [timedelta(days=-400), timedelta(minutes=-6), timedelta(minutes=6)])
def test_nothing_is_late_while_the_clocks_disagree(late: World, offset: timedelta) -> None:
    theirs = late.now + offset
    late.store._clock = lambda: theirs
    assert stored_slot(collect(JOB, late.ports)) == SLOT.text


def test_the_stores_clock_decides_within_the_tolerance(late: World) -> None:
    late.now = SLOT.at + HOUR + timedelta(seconds=1)
    late.store._clock = lambda: SLOT.at + HOUR - timedelta(seconds=1)
    assert stored_slot(collect(JOB, late.ports)) == SLOT.text


def test_the_store_is_not_asked_the_time_for_a_job_in_time(late: World) -> None:
    late.now = SLOT.at
    late.store.fail("now", BROKEN)
    assert isinstance(collect(JOB, late.ports), Stored)


def test_late_jobs_try_a_slot_once_that_fails_and_leave_it_to_its_own_job(late: World) -> None:
    late.now = SLOT.at + 9 * HOUR
    late.source.fails_at, late.source.error = 0, BROKEN
    with pytest.raises(TransportError):
        collect(JOB, late.ports)
    assert run(late, [job_of(hours) for hours in range(9)]) == [Superseded(slot_of(9))] * 9
    for _ in range(2):
        with pytest.raises(TransportError):
            collect(job_of(9), late.ports)


def test_what_a_glob_matched_stands_for_the_newest_slot_as_well(late: World) -> None:
    late.source.files |= {"/srv/worlds/a.db": b"a" * 4096}
    expanded = collect(Job(ArtifactId("server_001", Kind.DATABASE, "worlds"), SLOT), late.ports)
    assert isinstance(expanded, Expanded)
    assert [job.slot for job in expanded.jobs] == [NEXT]
    assert stored_slot(collect(expanded.jobs[0], late.ports)) == NEXT.text


def test_an_upload_that_takes_longer_than_a_period_is_stored_all_the_same(late: World) -> None:
    late.now = SLOT.at
    line, due = list[Job](), 0
    while late.now < SLOT.at + 12 * HOUR:
        while slot_of(due).at <= late.now:
            line.append(job_of(due))
            due += 1
        late.near_deadline = partial(next, iter([False]), True)  # each run sends one part
        outcome = collect(line.pop(0), late.ports)
        line += late.queue.jobs
        late.queue.jobs.clear()
        late.now += timedelta(minutes=0 if isinstance(outcome, Superseded) else 40)
    assert len(list(late.store.list("servers/"))) == 6
    assert len(line) <= 2


@dataclass
class Dated(FakeSource):
    """Notes at what time each capture was made, and for which slot."""

    clock: Callable[[], datetime] = lambda: SLOT.at
    made: list[tuple[datetime, str]] = field(default_factory=list)

    def capture(self, database: SqliteDatabase, source_path: str, name: str, **given: Any) -> Snapshot:
        self.made.append((self.clock(), name))
        return super().capture(database, source_path, name, **given)


@settings(deadline=None)
@given(some.lists(some.tuples(some.integers(0, 150), some.booleans()), max_size=24))
def test_every_capture_stands_for_its_time_and_the_line_ends_with_the_newest_slot(runs: list[tuple[int, bool]]) -> None:
    """Let runs come at these distances in minutes, some of them cut short, with every slot's job queued once."""
    source = Dated({PATH: b"a" * 4096})
    world = World(source)
    world.store, source.clock, world.now = MemoryStore(lambda: world.now), lambda: world.now, SLOT.at
    line, due = [JOB], 1
    for minutes, is_cut in [*runs, *[(0, False)] * (2 * len(runs) + 30)]:
        world.now += timedelta(minutes=minutes)
        while slot_of(due).at <= world.now:
            line.append(job_of(due))
            due += 1
        source.fails_at, source.error = (2048 if is_cut else None), BROKEN
        if not line:
            continue
        try:
            collect(line[0], world.ports)
        except TransportError:
            continue
        line.pop(0)
        line += world.queue.jobs
        world.queue.jobs.clear()
    newest = slot_of(due - 1)
    assert line == []
    assert world.store.head(BackupKey(ARTIFACT, newest, Compression.ZSTD).text)
    assert [name for _, name in source.made] == [snapshot_name(ARTIFACT, Slot.floor(at, HOUR)) for at, _ in source.made]
    assert len(source.made) == len({name for _, name in source.made})


class Sweeping(FakeSource):
    def sweep(self, *, older_than: timedelta) -> list[str]:
        assert older_than == LEFTOVER_AGE
        return ["left"]


def test_a_sweep_removes_what_was_left_and_captures_nothing(late: World) -> None:
    late.source = Sweeping()
    assert collect(replace(JOB, sweep=True), late.ports) == Swept(["left"])
    assert list(late.store.list("")) == []


def test_a_sweep_that_fails_says_so_and_is_no_failure_of_the_artifact(late: World) -> None:
    def unreachable(_: object) -> FakeSource:
        raise BROKEN

    with pytest.raises(TransportError):
        collect(replace(JOB, sweep=True), replace(late.ports, open_source=unreachable))
    assert list(late.store.list("state/")) == []
    with pytest.raises(ConfigurationError):
        collect(Job(ArtifactId("stranger", Kind.DATABASE, "database"), SLOT, sweep=True), late.ports)


def test_there_is_nothing_to_sweep_on_a_database_server(late: World) -> None:
    login = {"host": "db", "secret": "fleetsave/postgresql/read-central"}
    fleet = Fleet.model_validate({"postgresql": {**login, "databases": [{"database": "game"}]}})
    job = Job(ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, "postgresql"), SLOT, sweep=True)
    assert collect(job, replace(late.ports, fleet=fleet)) == Swept([])
