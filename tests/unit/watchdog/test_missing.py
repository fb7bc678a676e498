"""A slot that passed without a backup is captured again, unless something says that this cannot help now."""

import json
from datetime import timedelta
from typing import Any

import pytest

from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, RecordName
from fleetsave.model.kinds import Kind
from fleetsave.model.recovery_records import RecoveryState
from fleetsave.model.slots import Slot
from fleetsave.model.watch import Problem, ProblemKind
from tests.unit.prune.bucket import DAY, NOW
from tests.unit.prune.recovering import begin, reach
from tests.unit.watchdog.world import ALPHA, BETA, HOUR, NORTH, STORED, TOP, World, kinds, only, slot_of

GLOB = ArtifactId("alpha", Kind.DATABASE, "worlds")


def without(artifact_id: ArtifactId, hours: int = 1) -> World:
    """Return a fleet in which one artifact misses its newest slots."""
    world = World().healthy(leave=[artifact_id])
    for hour in range(hours, 48):
        world.put(hour, artifact_id=artifact_id)
    return world


def failure(*, slot: str = Slot(TOP).text, retryable: bool = False) -> dict[str, Any]:
    return {
        "error": "CaptureError", "operation": "capture", "target": "x", "cause": "the disk is full", "hint": "Make room.",
        "retryable": retryable, "slot": slot, "at": NOW.isoformat(),
    }  # fmt: skip


def transfer(key: str, upload_id: str = "upload-1") -> dict[str, Any]:
    return {"progress": {"key": key, "upload_id": upload_id, "parts": []}, "capture": {}}


def note(world: World, artifact_id: ArtifactId, *, ago: timedelta = timedelta(0), **state: Any) -> None:
    """Write an artifact's state, as collect does, so long ago."""
    world.bucket.clock.now -= ago
    world.bucket.store.put(artifact_id.state_key, json.dumps(state).encode())
    world.bucket.clock.now += ago


def missed(world: World) -> Problem:
    return only(world.look(), ProblemKind.NOT_CAPTURED)


def test_only_the_newest_of_several_missing_slots_is_captured() -> None:
    world = without(ALPHA, hours=4)
    problem = missed(world)
    assert world.captures() == [Job(ALPHA, Slot(TOP))]
    assert "4 slots in a row" in problem.what
    assert (problem.since, problem.last_good_key) == (TOP - 3 * HOUR, slot_of(4).text)


def test_older_gaps_are_not_told_once_a_newer_slot_is_captured() -> None:
    world = without(ALPHA, hours=4)
    world.put(0)
    report = world.look()
    assert ProblemKind.NOT_CAPTURED not in kinds(report)
    assert report.artifacts[0].missed_slots == 3
    assert report.artifacts[0].worst_window_seconds == 4 * 3600


def test_a_file_of_a_glob_is_asked_for_by_the_globs_job() -> None:
    world = without(NORTH)
    assert missed(world).artifact == str(NORTH)
    assert world.captures() == [Job(GLOB, Slot(TOP))]


def test_a_run_that_is_at_work_is_waited_for() -> None:
    world = without(ALPHA)
    note(world, ALPHA, ago=timedelta(minutes=19), transfer=transfer(slot_of(0).text))
    assert "at work" in missed(world).what
    assert world.captures() == []


def test_a_run_that_has_said_nothing_for_long_is_taken_for_dead() -> None:
    world = without(ALPHA)
    note(world, ALPHA, ago=timedelta(minutes=21), transfer=transfer(slot_of(0).text))
    assert "queued again" in missed(world).what
    assert len(world.captures()) == 1


def test_what_would_fail_again_is_told_with_its_cause_and_not_queued() -> None:
    world = without(ALPHA)
    note(world, ALPHA, failure=failure())
    what = missed(world).what
    assert "the disk is full" in what
    assert "Make room." in what
    assert "would fail again" in what
    assert world.captures() == []


@pytest.mark.parametrize("said", [failure(retryable=True), failure(slot=Slot(TOP - HOUR).text)])
def test_what_may_pass_or_was_of_an_earlier_slot_is_queued(said: dict[str, Any]) -> None:
    world = without(ALPHA)
    note(world, ALPHA, failure=said)
    assert "the disk is full" in missed(world).what
    assert len(world.captures()) == 1


def test_why_a_glob_could_not_be_expanded_is_told_of_its_files() -> None:
    world = without(NORTH)
    note(world, GLOB, failure=failure())
    assert "the disk is full" in missed(world).what
    assert world.captures() == []


def test_captures_wait_for_a_recovery_and_not_for_a_stalled_or_finished_one() -> None:
    world = without(ALPHA)
    recovery = begin(world.bucket.store)
    assert f"recovery {recovery.id}" in missed(world).what
    assert world.captures() == []
    world.bucket.clock.now += timedelta(minutes=31)  # stalled: said nothing for half an hour
    missed(world)
    assert len(world.captures()) == 1
    reach(world.bucket.store, recovery, RecoveryState.FAILED)
    world.forget_what_was_sent()
    world.bucket.clock.now = TOP + HOUR + timedelta(minutes=16)
    world.look()
    assert ALPHA in {job.artifact_id for job in world.captures()}


def test_a_recovery_that_nobody_works_on_is_told_until_it_is_finished() -> None:
    world = World().healthy(hours=3)
    recovery = begin(world.bucket.store)
    assert ProblemKind.RECOVERY_STALLED not in kinds(world.look())
    world.bucket.clock.now += timedelta(minutes=31)
    problem = only(world.look(), ProblemKind.RECOVERY_STALLED)
    assert (problem.server_id, problem.command) == ("alpha", f"fleetsave recover show {recovery.id}")
    assert "since it was requested" in problem.what
    assert problem.since == recovery.records[-1].at
    reach(world.bucket.store, recovery, RecoveryState.FAILED)
    assert ProblemKind.RECOVERY_STALLED not in kinds(world.look())


def test_recoveries_that_cannot_be_read_are_told_and_hold_up_nothing() -> None:
    world = without(ALPHA)
    world.bucket.store.put("recoveries/alpha.1/001-requested.json", b"{}")
    report = world.look()
    assert ProblemKind.UNREADABLE in kinds(report)
    assert len(world.captures()) == 1


@pytest.mark.parametrize("garbage", [b"", b"[]", b'{"transfer": 3}', b"\xff"])
def test_unreadable_state_is_lost_state(garbage: bytes) -> None:
    world = without(ALPHA)
    world.bucket.store.put(ALPHA.state_key, garbage)
    missed(world)
    assert len(world.captures()) == 1


def test_a_repetition_stands_for_the_slot_it_repeats() -> None:
    world = without(ALPHA)
    world.bucket.add(type(slot_of(0))(ALPHA, Slot(TOP).repair(1), slot_of(0).compression))
    assert ProblemKind.NOT_CAPTURED not in kinds(world.look())


def test_a_rejected_backup_is_no_missing_capture_and_its_repetition_is_asked_for_again() -> None:
    world = without(ALPHA)
    rejected = world.put(0, (RecordName.STORED, RecordName.REJECTED))
    report = world.look()
    problem = only(report, ProblemKind.REJECTED)
    assert (problem.key, problem.command) == (rejected.text, f"fleetsave show {rejected}")
    assert world.captures() == []
    assert world.verdicts.keys == [rejected]


def test_the_next_slot_is_not_asked_for_in_the_name_of_the_one_before() -> None:
    world = without(BETA)
    world.bucket.clock.now = TOP + timedelta(minutes=68)
    world.bucket.add(slot_of(-1, BETA))
    world.bucket.clock.now = TOP + timedelta(minutes=68)
    world.look()
    assert BETA not in {job.artifact_id for job in world.captures()}


@pytest.mark.parametrize("fails", [True, False])
def test_a_file_is_expected_for_a_month_and_for_longer_while_its_captures_fail(fails: bool) -> None:
    world = World().healthy(hours=3)
    gone = ArtifactId("alpha", Kind.DATABASE, "worlds-south")
    world.bucket.add(slot_of(24 * 60, gone))
    if fails:
        note(world, gone, failure=failure(retryable=True))
    *_, (_, report) = world.look_on(DAY, every=3 * HOUR)
    newest = {one.artifact: one.newest_verified_key for one in report.artifacts}
    assert newest.get(str(gone)) == (slot_of(24 * 60, gone).text if fails else None)


@pytest.mark.parametrize(
    "records", [STORED, (RecordName.STORED, RecordName.SUSPECT), (RecordName.STORED, RecordName.INCONCLUSIVE)]
)
def test_what_is_stored_is_not_missing_whatever_came_of_it(records: tuple[RecordName, ...]) -> None:
    world = without(ALPHA)
    world.put(0, records)
    assert ProblemKind.NOT_CAPTURED not in kinds(world.look())


def test_an_rpo_of_an_artifact_is_its_target() -> None:
    world = without(ALPHA, hours=4)
    text = world.bucket.store.get("config/fleet.yaml").replace(b"{path: /srv/game.db}", b"{path: /srv/game.db, rpo: 5h}")
    world.bucket.store.put("config/fleet.yaml", text)
    report = world.look()
    assert [one.target_seconds for one in report.artifacts] == [5 * 3600, 2 * 3600, 5 * 3600]
    assert ProblemKind.TOO_OLD not in kinds(report)
