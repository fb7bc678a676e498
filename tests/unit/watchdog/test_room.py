"""A look tells what is wrong and mends what it may; whatever happens to it, the next one goes on."""

from datetime import timedelta

import pytest

from fleetsave.model.errors import QueueError, StoreError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import FLEET_KEY, BackupKey
from fleetsave.model.slots import Slot
from fleetsave.model.watch import ProblemKind, WatchReport
from fleetsave.watchdog.memory import MEMORY_KEY, REPORT_KEY
from tests.unit.prune.bucket import DAY, FLEET_TEXT, NOW, CutListing
from tests.unit.watchdog.world import ALPHA, BETA, FLEET, HOUR, NORTH, QUARTER, STORED, TOP, World, kinds, only, slot_of


def test_a_fleet_that_is_well_has_ages_and_no_problems() -> None:
    world = World().healthy()
    report = world.look()
    assert report.problems == []
    assert [one.artifact for one in report.artifacts] == sorted(map(str, FLEET))
    alpha = report.artifacts[0]
    assert (alpha.newest_verified_key, alpha.newest_verified_age_seconds) == (slot_of(0).text, 1800)
    assert (alpha.target_seconds, alpha.worst_window_seconds, alpha.missed_slots) == (7200, 3600, 0)
    assert (world.captures(), world.verdicts.keys, world.verdicts.forced) == ([], [], [])


def test_a_lost_event_is_made_up_for_at_once_and_then_ever_more_rarely() -> None:
    world = World().healthy(leave=[ALPHA])
    for hour in range(1, 48):
        world.put(hour)
    lost = world.put(0, STORED)
    sent = [since for since, _ in world.look_on(3 * HOUR) if _taken(world.verdicts.keys) == [lost]]
    assert sent == [timedelta(0), timedelta(minutes=30), timedelta(minutes=90)]  # half an hour, one and two after it was stored


def _taken(sent: list[BackupKey]) -> list[BackupKey]:
    found = list(sent)
    sent.clear()
    return found


def test_a_late_verdict_is_told_with_the_key_to_verify() -> None:
    world = World().healthy(until=1)
    lost = world.put(0, STORED)
    problem = only(world.look(), ProblemKind.NOT_VERIFIED)
    assert (problem.command, problem.since, problem.artifact) == (f"fleetsave verify {lost}", TOP, str(ALPHA))
    assert problem.last_good_key == slot_of(1).text


def test_a_missing_capture_is_queued_once_for_each_point_in_time_at_which_it_is_due() -> None:
    world = World().healthy(leave=[BETA])
    for hour in range(1, 48):
        world.put(hour, artifact_id=BETA)
    [*first], problem = [*_queued(world, world.look())], only(world.look(), ProblemKind.NOT_CAPTURED)
    assert first == [Job(BETA, Slot(TOP))]
    assert (problem.artifact, problem.since) == (str(BETA), TOP)
    world.bucket.clock.now += QUARTER
    assert _queued(world, world.look()) == []


def _queued(world: World, _report: WatchReport) -> list[Job]:
    found = world.captures()
    world.jobs.jobs.clear()
    return found


def test_a_stopped_schedule_is_told_within_a_quarter_of_an_hour_and_everything_is_captured_all_the_same() -> None:
    world = World().healthy(until=1)
    world.bucket.clock.now = TOP + timedelta(minutes=14)
    assert kinds(world.look()) == []
    world.bucket.clock.now = TOP + timedelta(minutes=15)
    report = world.look()
    problem = only(report, ProblemKind.SCHEDULE_STOPPED)
    assert (problem.since, problem.identity) == (TOP, "schedule_stopped:database")
    assert {job.artifact_id.artifact for job in world.captures()} == {"database", "worlds"}
    assert len(world.captures()) == 3
    assert kinds(report).count(ProblemKind.NOT_CAPTURED) == 3


def test_a_schedule_is_not_stopped_while_one_artifact_is_captured() -> None:
    world = World().healthy(leave=[ALPHA, NORTH])
    report = world.look()
    assert ProblemKind.SCHEDULE_STOPPED not in kinds(report)
    assert kinds(report).count(ProblemKind.NOT_CAPTURED) == 2


def test_a_new_fleet_misses_its_first_backups_and_no_schedule_is_called_stopped() -> None:
    world = World()
    report = world.look()
    assert sorted(set(kinds(report))) == [ProblemKind.NOT_CAPTURED, ProblemKind.TOO_OLD]
    assert {str(job.artifact_id) for job in world.captures()} == {
        "alpha/database/database", "alpha/database/worlds", "beta/database/database",
    }  # fmt: skip


def test_an_empty_listing_makes_everything_unsafe_and_aborts_nothing() -> None:
    world = World().healthy()
    upload_id = world.bucket.store.begin_upload(slot_of(30).text)
    world.bucket.clock.now += 2 * DAY
    empty = CutListing(world.bucket.store, lambda _key: True)
    report = world.look(store=empty)
    assert kinds(report).count(ProblemKind.TOO_OLD) == 3
    assert [upload.upload_id for upload in world.bucket.store.list_uploads("")] == [upload_id]
    assert world.bucket.data() == {slot_of(hour, one).text for hour in range(48) for one in FLEET}


@pytest.mark.parametrize("what", ["catalog/", "servers/"])
def test_a_cut_listing_is_told_and_nothing_is_judged_by_it(what: str) -> None:
    world = World().healthy(hours=30)
    hidden = {slot_of(hour).text for hour in range(5, 30)}
    cut = CutListing(world.bucket.store, lambda key: key.startswith(what) and any(one in key for one in hidden))
    told = [report for _ in world.look_on(DAY, every=3 * HOUR) for report in [world.look(store=cut)]]
    incomplete = [one for report in told for one in report.problems if "listing of the store is incomplete" in one.what]
    assert {one.server_id for one in incomplete} == {"alpha"}
    assert world.verdicts.forced == []
    lost = {ProblemKind.RECORD_WITHOUT_OBJECT, ProblemKind.OBJECT_WITHOUT_RECORD}
    assert not lost & {kind for report in told for kind in kinds(report)}


@pytest.mark.parametrize("years", [-5, 5])
def test_with_clocks_years_apart_everything_is_told_and_nothing_is_done(years: int) -> None:
    world = World().healthy(until=3)
    world.put(2, STORED)
    world.bucket.store.begin_upload(slot_of(30).text)
    world.bucket.clock.now += 2 * DAY
    world.ours = years * 365 * DAY
    report = world.look()
    problem = only(report, ProblemKind.CLOCK)
    assert problem.command == "fleetsave watch"
    assert world.is_quiet
    assert len(list(world.bucket.store.list_uploads(""))) == 1
    assert report.figures["clock_offset_seconds"] == world.ours.total_seconds()
    assert MEMORY_KEY not in world.everything()
    assert kinds(report).count(ProblemKind.TOO_OLD) == 3


def test_a_store_whose_clock_was_ahead_for_a_while_does_not_silence_the_looks_after_it() -> None:
    world = World().healthy(until=1)
    world.bucket.clock.now += 5 * 365 * DAY
    world.look()
    world.bucket.clock.now = NOW
    world.forget_what_was_sent()
    world.look()
    assert len(world.captures()) == 3


def test_a_fleet_file_that_drops_half_the_servers_is_told_and_the_other_half_watched() -> None:
    world = World().healthy()
    world.bucket.store.put(FLEET_KEY, FLEET_TEXT.partition("  - id: beta")[0].encode())
    report = world.look()
    problem = only(report, ProblemKind.NOT_IN_FLEET)
    assert (problem.artifact, problem.command, problem.last_good_key) == (
        str(BETA),
        "fleetsave config show",
        slot_of(0, BETA).text,
    )
    assert [one.artifact for one in report.artifacts] == [str(ALPHA), str(NORTH)]


def test_what_was_dropped_long_ago_is_not_told_any_more() -> None:
    world = World().healthy(until=47, hours=60)
    world.bucket.store.put(FLEET_KEY, FLEET_TEXT.partition("  - id: beta")[0].encode())
    world.bucket.clock.now += 2 * DAY
    assert ProblemKind.NOT_IN_FLEET not in kinds(world.look())


@pytest.mark.parametrize("text", [None, b"servers: [", b"\xff\xfe"])
def test_without_a_fleet_file_ages_are_told_and_nothing_is_captured(text: bytes | None) -> None:
    world = World().healthy(until=3)
    waiting = world.put(2, STORED)
    world.bucket.store.delete(FLEET_KEY)
    if text is not None:
        world.bucket.store.put(FLEET_KEY, text)
    report = world.look()
    problem = only(report, ProblemKind.FLEET_FILE)
    assert problem.command == "fleetsave config push fleet.yaml"
    assert kinds(report).count(ProblemKind.TOO_OLD) == 3
    assert world.jobs.jobs == []
    assert world.verdicts.keys in ([], [waiting])
    assert not {ProblemKind.NOT_IN_FLEET, ProblemKind.NOT_CAPTURED, ProblemKind.SCHEDULE_STOPPED} & set(kinds(report))


def test_a_dry_look_writes_and_sends_nothing() -> None:
    world = World().healthy(until=3)
    world.put(2, STORED)
    before = world.everything()
    report = world.look(mend=False)
    assert kinds(report)
    assert set(report.did.values()) == {0}
    assert world.everything() == before
    assert world.is_quiet


def test_each_server_is_swept_once_a_day() -> None:
    world = World().healthy(hours=2)
    assert len(list(world.look_on(3 * DAY - HOUR, every=HOUR))) == 72
    swept = [job.artifact_id.server_id for job in world.jobs.jobs if job.sweep]
    assert sorted(swept) == ["alpha"] * 3 + ["beta"] * 3


def test_a_look_is_published_for_everybody() -> None:
    world = World().healthy()
    world.look()
    assert REPORT_KEY in world.everything()


class BrokenQueue:
    """Takes nothing."""

    def send(self, *_: object, **__: object) -> None:
        raise QueueError("send jobs", "queue", "ServiceUnavailable", "Wait.", retryable=True)

    def postpone(self, receipt_handle: str, receive_count: int) -> None:
        """No message is ever delivered."""

    def return_at_once(self, receipt_handle: str) -> None:
        """No message is ever delivered."""


def test_a_queue_that_takes_nothing_is_told_and_asked_again_in_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World().healthy(until=1)
    waiting = world.put(5, STORED, artifact_id=NORTH)
    monkeypatch.setattr(world, "jobs", BrokenQueue())
    report = world.look()
    assert [problem.key for problem in report.problems if problem.kind is ProblemKind.UNREADABLE] == ["collect queue"]
    assert report.did["captures_requeued"] == 0
    monkeypatch.undo()
    world.bucket.clock.now += QUARTER
    world.look()
    assert len(world.captures()) == 3
    assert waiting not in world.verdicts.forced


def test_a_store_that_cannot_tell_the_time_is_an_error_and_no_look() -> None:
    world = World()
    world.bucket.store.fail("head", StoreError("head", "x", "ServiceUnavailable", "Wait."))
    world.bucket.store.now = lambda: (_ for _ in ()).throw(StoreError("read the clock", "b", "down", "Wait."))  # type: ignore[method-assign]  # the store does not tell the time
    with pytest.raises(StoreError):
        world.look()


def test_problems_come_in_the_same_order_whatever_was_looked_at_first() -> None:
    world = World().healthy(until=3)
    world.bucket.store.put("servers/alpha/database/mine.txt", b"")
    world.bucket.store.put("servers/beta/database/mine.txt", b"")
    reports = [world.look(mend=False).problems for _ in range(5)]
    assert all(found == reports[0] for found in reports)
    assert [one.identity for one in reports[0]] == list(dict.fromkeys(one.identity for one in reports[0]))


def test_the_jobs_of_a_look_are_those_that_dispatch_would_have_queued() -> None:
    world = World().healthy(until=1)
    world.look()
    assert world.captures() == [Job(job.artifact_id, Slot(TOP)) for job in world.captures()]
