"""While a server is being restored its backups wait, except the one that the recovery itself asks for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fleetsave.collect.hold_off import LOOK_EVERY_SECONDS
from fleetsave.collect.outcome import HeldOff, Stored
from fleetsave.collect.room import collect
from fleetsave.model.errors import StoreError
from fleetsave.model.recoveries import FINAL, SILENT_FOR
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import RecoveryState
from tests.unit.collect.recovering import begin
from tests.unit.collect.world import ARTIFACT, JOB, PATH, World

SAFETY_JOB = replace(JOB, artifact_id=ARTIFACT.safety, source_path=PATH)
OTHER = RecoveryId("server_002", 1)


def waits(world: World) -> list[float]:
    """Have the world note when it waits, and return the notes."""
    noted: list[float] = []
    began = world.now
    world.while_waiting = lambda: noted.append((world.now - began).total_seconds())
    return noted


def test_without_a_recovery_nothing_waits(world: World) -> None:
    noted = waits(world)
    assert isinstance(collect(JOB, world.ports), Stored)
    assert noted == []


@pytest.mark.parametrize("end", sorted(FINAL))
def test_a_job_waits_until_the_recovery_is_over_however_it_ends(world: World, end: RecoveryState) -> None:
    recovery = begin(world)
    states = iter([RecoveryState.SELECTED, RecoveryState.SWAPPING, end])
    captured_while_waiting = []

    def go_on() -> None:
        captured_while_waiting.append((world.source.captures, world.open_uploads()))
        recovery.reach(next(states))

    world.while_waiting = go_on
    assert isinstance(collect(JOB, world.ports), Stored)
    assert captured_while_waiting == [(0, 0)] * 3
    assert world.queue.jobs == []


def test_the_deadline_hands_the_job_on_with_nothing_begun(world: World) -> None:
    recovery = begin(world)
    noted = waits(world)
    world.near_deadline = lambda: len(noted) == 4
    following = replace(JOB, hop=1)
    assert collect(JOB, world.ports) == HeldOff(following, recovery.id)
    assert world.queue.jobs == [following]
    assert noted == [LOOK_EVERY_SECONDS * number for number in (1, 2, 3, 4)]
    assert (world.source.captures, world.open_uploads()) == (0, 0)
    assert list(world.store.list("state/")) == []


def test_each_look_costs_one_list(world: World) -> None:
    begin(world)
    noted = waits(world)
    world.near_deadline = lambda: len(noted) == 3
    before = world.store.calls["list"]
    collect(JOB, world.ports)
    assert world.store.calls["list"] - before == 4


def test_an_upload_under_way_waits_too_and_goes_on_where_it_was(world: World) -> None:
    asked = iter([False, False, True])
    world.near_deadline = lambda: next(asked, False)
    collect(JOB, world.ports)
    recovery = begin(world)
    world.near_deadline = lambda: True
    assert isinstance(collect(world.queue.jobs[-1], world.ports), HeldOff)
    recovery.reach(RecoveryState.RECOVERED)
    world.near_deadline = lambda: False
    assert isinstance(collect(world.queue.jobs[-1], world.ports), Stored)
    assert world.queue.jobs[-1].hop == 2
    assert world.source.captures == 1


def test_the_recoverys_own_backup_does_not_wait(world: World) -> None:
    begin(world)
    noted = waits(world)
    assert isinstance(collect(SAFETY_JOB, world.ports), Stored)
    assert noted == []


def test_a_stalled_recovery_holds_up_nothing_and_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    recovery = begin(world, at=world.now - SILENT_FOR - timedelta(seconds=1))
    assert isinstance(collect(JOB, world.ports), Stored)
    assert "not waiting for a stalled recovery" in caplog.text
    assert any(getattr(record, "recovery", None) == str(recovery.id) for record in caplog.records)


def test_a_job_that_has_waited_two_minutes_makes_room_and_comes_again(world: World) -> None:
    recovery = begin(world)
    noted = waits(world)
    assert collect(JOB, world.ports) == HeldOff(replace(JOB, hop=1), recovery.id)
    assert noted[-1] == 120


def test_a_recovery_that_stalls_while_a_job_waits_lets_it_go(world: World) -> None:
    begin(world)
    noted = waits(world)
    outcome = collect(JOB, world.ports)
    while isinstance(outcome, HeldOff):
        outcome = collect(outcome.job, world.ports)
    assert isinstance(outcome, Stored)
    assert SILENT_FOR.total_seconds() < noted[-1] <= SILENT_FOR.total_seconds() + LOOK_EVERY_SECONDS


def test_a_recovery_that_tells_of_progress_is_not_stalled(world: World) -> None:
    recovery = begin(world, at=world.now - 2 * SILENT_FOR)
    recovery.make_progress()
    world.near_deadline = lambda: True
    assert isinstance(collect(JOB, world.ports), HeldOff)


def test_another_servers_recovery_holds_up_nothing(world: World) -> None:
    world.store.put(OTHER.record_key(1, RecoveryState.REQUESTED), b"{}")
    assert isinstance(collect(JOB, world.ports), Stored)


@pytest.mark.parametrize("key", ["recoveries/server_001.000001/001-requested.json", "recoveries/server_001.000001/notes.txt"])
def test_a_recovery_that_cannot_be_read_stops_no_backups_and_is_logged(
    world: World, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    world.store.put(key, b"{broken")
    assert isinstance(collect(JOB, world.ports), Stored)
    assert "not waiting for a recovery that cannot be read" in caplog.text


def test_a_store_that_cannot_tell_is_asked_again_by_the_next_delivery(world: World) -> None:
    world.store.fail("list", StoreError("list", "recoveries/", "SlowDown", "Wait.", retryable=True))
    with pytest.raises(StoreError, match="SlowDown"):
        collect(JOB, world.ports)
    assert world.source.captures == 0
    assert isinstance(collect(JOB, world.ports), Stored)


def test_a_recovery_that_begins_during_a_capture_changes_nothing_in_what_is_stored(world: World) -> None:
    save, content = world.store.upload_part, world.source.files[PATH]

    def begin_meanwhile(*given: object, **named: object) -> object:
        if not list(world.store.list("recoveries/")):
            begin(world)
            world.source.files[PATH] = b"restored"
        return save(*given, **named)  # type: ignore[arg-type]  # handed through as it came

    world.store.upload_part = begin_meanwhile  # type: ignore[method-assign, assignment]  # the moment to be tried
    assert isinstance(collect(JOB, world.ports), Stored)
    assert world.plain() == content
