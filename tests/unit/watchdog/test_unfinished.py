"""An upload that lies open is finished by its job, aborted after a day, or left alone and told."""

from datetime import timedelta

import pytest

from fleetsave.model.errors import AccessDeniedError
from fleetsave.model.jobs import Job
from fleetsave.model.slots import Slot
from fleetsave.model.watch import ProblemKind
from tests.unit.prune.bucket import DAY
from tests.unit.watchdog.test_missing import note, transfer
from tests.unit.watchdog.world import ALPHA, HOUR, QUARTER, TOP, World, kinds, only, slot_of


def open_upload(world: World, key: str = slot_of(0).text, *, ago: timedelta = timedelta(minutes=65)) -> str:
    """Begin an upload so long before now."""
    world.bucket.clock.now -= ago
    upload_id = world.bucket.store.begin_upload(key)
    world.bucket.clock.now += ago
    return upload_id


def is_open(world: World) -> bool:
    return bool(list(world.bucket.store.list_uploads("")))


def later() -> World:
    """Return a healthy fleet, looked at two hours later than it was well."""
    world = World().healthy()
    world.bucket.clock.now = TOP + timedelta(minutes=10)
    return world


def test_an_upload_that_the_state_names_is_finished_by_its_job() -> None:
    world = later()
    note(world, ALPHA, ago=HOUR, transfer=transfer(slot_of(0).text, open_upload(world)))
    problem = only(world.look(), ProblemKind.STALE_UPLOAD)
    assert (problem.artifact, problem.key, problem.since) == (str(ALPHA), slot_of(0).text, TOP - timedelta(minutes=55))
    assert "finishes it" in problem.what
    assert world.captures() == [Job(ALPHA, Slot(TOP))]
    world.bucket.clock.now += QUARTER
    world.forget_what_was_sent()
    world.look()
    assert world.captures() == []


def test_one_that_is_still_written_to_is_nobodys_business() -> None:
    world = later()
    note(world, ALPHA, ago=QUARTER, transfer=transfer(slot_of(0).text, open_upload(world)))
    assert kinds(world.look()) == []


@pytest.mark.parametrize("named", [True, False])
def test_after_a_day_it_is_aborted_whoever_names_it(named: bool) -> None:
    world = later()
    upload_id = open_upload(world, ago=DAY + QUARTER)
    if named:
        note(world, ALPHA, ago=HOUR, transfer=transfer(slot_of(0).text, upload_id))
    report = world.look()
    assert not is_open(world)
    assert report.did["uploads_aborted"] == 1
    assert ProblemKind.STALE_UPLOAD not in kinds(report)


def test_one_that_nobody_names_waits_for_the_artifacts_next_run_to_abort_it() -> None:
    world = later()
    open_upload(world, ago=20 * HOUR)
    assert kinds(world.look()) == []
    assert is_open(world)


def test_a_dry_look_tells_what_would_be_aborted() -> None:
    world = later()
    open_upload(world, ago=2 * DAY)
    assert ProblemKind.STALE_UPLOAD in kinds(world.look(mend=False))
    assert is_open(world)


def test_nothing_is_aborted_where_no_backup_was_ever_listed() -> None:
    world = World().healthy(leave=[ALPHA])
    open_upload(world, slot_of(0).text.replace("alpha", "gamma"), ago=2 * DAY)
    problem = only(world.look(), ProblemKind.STALE_UPLOAD)
    assert "no backup there at all" in problem.what
    assert is_open(world)


def test_an_upload_at_a_key_of_somebody_elses_is_left_alone_with_the_command_that_aborts_it() -> None:
    world = later()
    upload_id = open_upload(world, "servers/alpha/it's mine.bin", ago=3 * DAY)
    problem = only(world.look(), ProblemKind.STALE_UPLOAD)
    which = "'servers/alpha/it'\"'\"'s mine.bin'"
    assert problem.command == (
        f'aws s3api abort-multipart-upload --bucket "$FLEETSAVE_BUCKET" --key {which} --upload-id {upload_id}'
    )
    assert is_open(world)


def test_what_may_not_be_aborted_is_told_and_everything_else_is_done() -> None:
    world = later()
    open_upload(world, ago=2 * DAY)
    world.bucket.store.fail("abort_upload", AccessDeniedError("abort upload", "x", "AccessDenied", "Allow it."))
    report = world.look()
    assert [one.what for one in report.problems if one.kind is ProblemKind.UNREADABLE] == [
        "abort upload: AccessDenied. Allow it."
    ]
    assert report.did["uploads_aborted"] == 0


def test_uploads_that_cannot_be_listed_are_told_and_the_catalog_is_looked_at() -> None:
    world = later()
    world.bucket.store.fail("list_uploads", AccessDeniedError("list uploads", "x", "AccessDenied", "Allow it."))
    report = world.look()
    assert only(report, ProblemKind.UNREADABLE).key == "uploads"
    assert len(report.artifacts) == 3
