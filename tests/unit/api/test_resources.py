"""A recovery as it is shown, from its first record to its proof."""

from datetime import timedelta

import pytest

from fleetsave.model.keys import RecordName
from fleetsave.model.recoveries import STEPS
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import Problem, Progress, RecoveryState, Survey, SwapMethod, SwapReport, TargetState
from tests.unit.api.world import FIRST, MISSION, NEWEST, NOW, PATH, RECOVER, Reply, World, key_of


def shown(world: World) -> Reply:
    reply = world.ask("GET", f"{RECOVER}/{FIRST}")
    assert reply.status == 200, reply
    return reply


def test_a_recovery_that_was_just_asked_for(world: World) -> None:
    began = world.ask("POST", RECOVER, MISSION).document
    reply = shown(world)
    assert reply.headers["retry-after"] == "2"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.document == began
    assert began == {
        "id": FIRST,
        "status": "queued",
        "state": "requested",
        "server_id": "server_001",
        "backup_type": "database",
        "backup_key": MISSION["backup_key"],
        "target": {"server_id": "server_001", "path": None},
        "requested_by": "arn:aws:iam::123456789012:user/operator",
        "requested_at": "2024-01-01T12:05:00Z",
        "updated_at": "2024-01-01T12:05:00Z",
        "undo_of": None,
        "progress": {"step": 0, "steps": 11, "done": None, "total": None},
        "safety_backup": None,
        "can_cancel": True,
        "can_undo": False,
        "is_finished": False,
        "problem": None,
        "plan": None,
        "survey": None,
        "proof": None,
        "steps": [
            {
                "state": "requested",
                "at": "2024-01-01T12:05:00Z",
                "detail": "asked for by arn:aws:iam::123456789012:user/operator",
            }
        ],
    }


def test_a_recovery_that_is_done_shows_its_proof(world: World) -> None:
    world.begin(NEWEST)
    safety = world.finish(FIRST)
    reply = shown(world)
    assert "retry-after" not in reply.headers
    found = reply.document
    assert (found["status"], found["state"], found["is_finished"]) == ("recovered", "recovered", True)
    assert (found["can_cancel"], found["can_undo"]) == (False, True)
    assert (found["backup_key"], found["target"]["path"]) == (key_of().text, PATH)
    assert found["safety_backup"] == {"backup_key": safety.text, "verdict": "verified", "detail": "backed up"}
    assert found["progress"] == {"step": 11, "steps": 11, "done": None, "total": None}
    assert found["plan"]["backup_key"] == key_of().text
    assert [finding["check"] for finding in found["proof"]["findings"]] == ["integrity"]
    assert found["proof"]["swap"]["method"] == "in_place"
    assert [step["state"] for step in found["steps"]][-1] == "recovered"


def test_a_recovery_under_way_shows_how_far_its_step_is(world: World) -> None:
    world.begin()
    world.step(FIRST, RecoveryState.SELECTED, RecoveryState.INSPECTED, RecoveryState.SECURED)
    later = NOW + timedelta(seconds=30)
    world.recoveries.save_progress(RecoveryId.parse(FIRST), Progress(FIRST, later, 1_000, 8_192))
    found = shown(world).document
    assert (found["status"], found["state"], found["updated_at"]) == ("running", "secured", "2024-01-01T12:05:30Z")
    assert found["progress"] == {"step": STEPS.index(RecoveryState.SECURED), "steps": 11, "done": 1_000, "total": 8_192}


def test_what_was_told_of_another_recovery_is_not_taken_for_this_one(world: World) -> None:
    world.begin()
    world.recoveries.save_progress(RecoveryId.parse(FIRST), Progress("server_001.000009", NOW, 1, 2))
    assert shown(world).document["progress"]["done"] is None


def test_a_recovery_that_says_nothing_for_half_an_hour_is_stalled(world: World) -> None:
    world.begin()
    world.moment += timedelta(minutes=31)
    assert shown(world).document["status"] == "stalled"


def test_a_recovery_that_failed_says_why_in_the_words_of_the_error(world: World) -> None:
    world.begin()
    problem = Problem("TransportError", "connect", "server_001", "connection refused", "Is it up?", retryable=True)
    world.step(FIRST, RecoveryState.FAILED, problem=problem)
    found = shown(world).document
    assert found["problem"] == {**vars(problem)}
    assert (found["status"], found["proof"]) == ("failed", None)


def test_what_the_server_said_before_is_shown(world: World) -> None:
    world.begin()
    survey = Survey(TargetState.HEALTHY, 8_192, "wal", 4_096, "1" * 64, 1 << 30, 20_000, ["game (811)"], "python 3.11")
    world.step(FIRST, RecoveryState.INSPECTED, survey=survey)
    assert shown(world).document["survey"]["open_by"] == ["game (811)"]


def test_what_was_found_in_the_copy_before_the_swap_is_no_proof(world: World) -> None:
    world.begin()
    finding = world.catalog.verdict(key_of(), RecordName.VERIFIED).findings
    world.step(FIRST, RecoveryState.CHECKED, findings=finding)
    assert shown(world).document["proof"] is None
    swap = SwapReport(SwapMethod.SET_ASIDE, 0.1, None, moved_on=False, kept="/srv/game/kept")
    world.step(FIRST, RecoveryState.SWAPPED, swap=swap)
    assert shown(world).document["proof"] == {"findings": [], "swap": {**vars(swap)}}


def test_a_cancellation_after_the_end_does_not_hide_the_end(world: World) -> None:
    world.begin()
    world.step(FIRST, RecoveryState.FAILED, RecoveryState.CANCEL_REQUESTED)
    assert shown(world).document["state"] == "failed"


@pytest.mark.parametrize("is_finished", [False, True])
def test_looking_at_a_recovery_costs_a_listing_a_read_for_each_record_and_one_more_while_it_runs(
    world: World, is_finished: bool
) -> None:
    world.begin()
    if is_finished:
        world.finish(FIRST)
    records = len(list(world.store.list(f"recoveries/{FIRST}/")))
    before = dict(world.memory.calls)
    shown(world)
    spent = {name: calls - before.get(name, 0) for name, calls in world.memory.calls.items() if calls != before.get(name, 0)}
    assert spent == {"list": 1, "get": records + (0 if is_finished else 1)}
