"""A late job is left to the next slot's, and the newest slot is never passed over."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from fleetsave.collect.outcome import AlreadyStored, Expanded, Outcome, Stored, Superseded, Swept
from fleetsave.collect.room import collect
from fleetsave.collect.upload import LEFTOVER_AGE
from fleetsave.model.errors import ConfigurationError, TransportError
from fleetsave.model.fleet import Fleet
from fleetsave.model.jobs import Job
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from tests.fakes.memory_store import MemoryStore
from tests.fakes.sqlite_source import FakeSource
from tests.unit.collect.world import ARTIFACT, BROKEN, JOB, KEY, PATH, SLOT, World

HOUR = timedelta(hours=1)
DUE = replace(JOB, next_due_at=SLOT.at + HOUR)


def job_of(hours: int) -> Job:
    at = SLOT.at + hours * HOUR
    return Job(ARTIFACT, Slot(at), next_due_at=at + HOUR)


@pytest.fixture
def late(world: World) -> World:
    """It is a quarter past the next slot, by every clock."""
    world.store = MemoryStore(lambda: world.now)
    world.now = SLOT.at + timedelta(minutes=75)
    return world


def run(world: World, jobs: Sequence[Job], *, minutes_each: int = 0) -> list[Outcome]:
    outcomes = []
    for job in jobs:
        outcomes.append(collect(job, world.ports))
        world.now += timedelta(minutes=minutes_each)
    return outcomes


def test_a_late_job_captures_nothing_and_does_not_reach_the_server(late: World) -> None:
    def unreachable(_: object) -> FakeSource:
        raise AssertionError("the server was reached")

    assert collect(DUE, replace(late.ports, open_source=unreachable)) == Superseded(SLOT.at + HOUR)
    assert list(late.store.list("servers/")) == list(late.store.list("catalog/")) == []


def test_a_backlog_of_a_day_ends_with_one_capture_of_the_newest_slot(late: World) -> None:
    late.now = SLOT.at + 23 * HOUR + timedelta(minutes=20)
    *older, newest = run(late, [job_of(hours) for hours in range(24)])
    assert all(isinstance(outcome, Superseded) for outcome in older)
    assert isinstance(newest, Stored)
    assert late.source.captures == 1


@pytest.mark.parametrize("minutes", [0, 59])
def test_the_newest_slot_is_captured_as_long_as_the_next_one_is_not_due(late: World, minutes: int) -> None:
    late.now = SLOT.at + timedelta(minutes=minutes)
    assert isinstance(collect(DUE, late.ports), Stored)


def test_a_job_that_does_not_say_when_the_next_is_due_is_captured_however_late(late: World) -> None:
    assert isinstance(collect(JOB, late.ports), Stored)


def test_repairs_and_safety_backups_are_waited_for_and_captured_however_late(late: World) -> None:
    assert isinstance(collect(replace(DUE, repair=1), late.ports), Stored)
    assert isinstance(collect(replace(DUE, artifact_id=ARTIFACT.safety, source_path=PATH), late.ports), Stored)


def test_a_late_job_that_an_earlier_run_has_begun_is_finished(late: World) -> None:
    late.now = SLOT.at
    late.source.fails_at, late.source.error = 10 << 20, BROKEN
    with pytest.raises(TransportError):
        collect(DUE, late.ports)
    late.source.fails_at = None
    late.now = SLOT.at + 2 * HOUR
    assert isinstance(collect(DUE, late.ports), Stored)
    assert late.source.captures == 1


def test_a_late_job_whose_object_is_there_writes_the_record_or_announces_again(late: World) -> None:
    late.now = SLOT.at
    collect(DUE, late.ports)
    late.now = SLOT.at + 2 * HOUR
    assert isinstance(collect(DUE, late.ports), AlreadyStored)
    assert late.announcer.keys == [KEY.text] * 2


@pytest.mark.parametrize("offset", [timedelta(days=-400), timedelta(minutes=-6), timedelta(minutes=6)])
def test_nothing_is_passed_over_while_the_clocks_disagree(late: World, offset: timedelta) -> None:
    theirs = late.now + offset
    late.store._clock = lambda: theirs
    assert isinstance(collect(DUE, late.ports), Stored)


def test_the_stores_clock_decides_within_the_tolerance(late: World) -> None:
    late.now = SLOT.at + HOUR + timedelta(seconds=1)
    late.store._clock = lambda: SLOT.at + HOUR - timedelta(seconds=1)
    assert isinstance(collect(DUE, late.ports), Stored)


def test_the_store_is_not_asked_the_time_for_a_job_in_time(late: World) -> None:
    late.now = SLOT.at
    late.store.fail("now", BROKEN)
    assert isinstance(collect(DUE, late.ports), Stored)


def test_a_line_slower_than_its_schedule_still_captures_what_was_passed_over(late: World) -> None:
    outcomes = []
    for hours in range(8):
        late.now = SLOT.at + hours * HOUR + timedelta(minutes=70)
        outcomes += run(late, [job_of(hours)])
    assert [type(outcome) for outcome in outcomes] == [Superseded, Stored] * 4


def test_a_server_that_was_tried_in_vain_was_not_passed_over(late: World) -> None:
    collect(DUE, late.ports)
    late.source.fails_at, late.source.error = 0, BROKEN
    with pytest.raises(TransportError):
        collect(job_of(1), late.ports)
    late.now += 5 * HOUR
    late.source.fails_at = None
    *older, newest = run(late, [job_of(hours) for hours in range(2, 7)])
    assert all(isinstance(outcome, Superseded) for outcome in older)
    assert isinstance(newest, Stored)


def test_what_a_glob_matched_is_late_as_the_glob_is(late: World) -> None:
    worlds = replace(DUE, artifact_id=ArtifactId("server_001", Kind.DATABASE, "worlds"))
    late.source.files |= {"/srv/worlds/a.db": b"a" * 4096}
    assert isinstance(collect(worlds, late.ports), Superseded)
    late.now = SLOT.at
    expanded = collect(worlds, late.ports)
    assert isinstance(expanded, Expanded)
    assert [job.next_due_at for job in expanded.jobs] == [DUE.next_due_at]


class Sweeping(FakeSource):
    def sweep(self, *, older_than: timedelta) -> list[str]:
        assert older_than == LEFTOVER_AGE
        return ["left"]


def test_a_sweep_removes_what_was_left_and_captures_nothing(late: World) -> None:
    late.source = Sweeping()
    assert collect(replace(DUE, sweep=True), late.ports) == Swept(["left"])
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
