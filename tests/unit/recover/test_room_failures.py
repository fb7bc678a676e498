"""Whatever goes wrong: before the swap nothing was touched, after it all is as it was, and a person is told what to do."""

import pytest

from fleetsave.model.errors import RestoreError, StalledError, TransportError
from fleetsave.model.keys import RecordName
from fleetsave.model.records import Finding, Level, Outcome
from fleetsave.model.recoveries import Recovery, Status
from fleetsave.model.recovery_records import RecoveryState, SwapMethod, TargetState
from fleetsave.transports.base import CommandResult
from tests.fakes.restorer import failed
from tests.unit.recover.world import AFTER, BEFORE, KEY, NEW, OLD, World, safety_key

S = RecoveryState
BROKEN = CommandResult(3, b"", b"unit game.service not found\n")


def lost(*, retryable: bool = True) -> TransportError:
    return TransportError("reach", "server_001", "nobody answers", "Look at the server.", retryable=retryable)


def refused(reason: str) -> RestoreError:
    return RestoreError("restore", "server_001:/srv/game/world.db", "it cannot be", "Do this.", reason=reason)


def reason_of(recovery: Recovery) -> str | None:
    problem = recovery.records[-1].problem
    assert problem is not None
    assert problem.hint
    return problem.reason or problem.error


def ended(world: World, *, status: Status, reason: str, **what: object) -> Recovery:
    """Run a recovery that must end as told, with the target as it was and nothing left behind."""
    recovery = world.run_to_the_end(world.ask(**what))
    assert world.status(recovery) is status
    assert reason_of(recovery) == reason
    assert world.server.target == OLD
    assert world.server.is_clean
    return recovery


def test_a_server_that_cannot_be_reached_is_tried_for_a_while_and_then_told_of() -> None:
    world = World()
    world.server.fail("survey", lost(), times=9)
    ended(world, status=Status.FAILED, reason="TransportError")
    assert world.server.did.count("survey") == 4
    assert world.collect_queue.jobs == []


@pytest.mark.parametrize("step", ["survey", "receive", "check"])
def test_what_the_server_refuses_before_the_swap_ends_it_there(step: str) -> None:
    world = World()
    world.server.fail(step, refused("no_room"))
    recovery = ended(world, status=Status.FAILED, reason="no_room")
    assert "as it was" in recovery.records[-1].detail
    assert "swap" not in world.server.did


def test_a_copy_that_is_not_what_was_captured_never_takes_over() -> None:
    world = World()
    world.server.bad_findings["check"] = failed("row_counts")
    ended(world, status=Status.FAILED, reason="damaged_copy")


def test_a_stored_object_that_was_altered_is_found_out_while_it_is_sent() -> None:
    world = World()
    body = bytearray(world.store.get(KEY.text))
    body[len(body) // 2] ^= 1
    world.store.replace(KEY.text, bytes(body))
    recovery = world.run_to_the_end(world.ask())
    assert world.status(recovery) is Status.FAILED
    assert world.server.target == OLD


def test_an_object_that_is_gone_ends_it_with_nothing_touched() -> None:
    world = World()
    world.store.delete(KEY.text)
    ended(world, status=Status.FAILED, reason="ObjectNotFoundError")


def test_a_copy_that_was_altered_on_its_way_is_sent_once_more() -> None:
    world = World()
    recovery = world.ask()
    world.server.copy = b"?" * len(NEW)
    recovery = world.run_to_the_end(recovery)
    assert world.status(recovery) is Status.RECOVERED
    assert world.server.target == NEW


def test_another_schema_is_refused_unless_it_is_meant() -> None:
    world = World()
    world.server.schema = "another"
    ended(world, status=Status.FAILED, reason="schema_differs")
    world = World()
    world.server.schema = "another"
    recovery = world.run_to_the_end(world.ask(allow_schema_change=True))
    assert world.status(recovery) is Status.RECOVERED


def test_a_damaged_target_that_a_game_has_open_is_not_moved_from_under_it() -> None:
    world = World()
    world.server.state, world.server.open_by = TargetState.DAMAGED, ["pid 7 (game)"]
    ended(world, status=Status.FAILED, reason="in_use")


# ---- the safety backup -------------------------------------------------------------------------------------------------------


def test_without_a_safety_backup_nothing_is_restored() -> None:
    world = World()
    world.safety_findings = [Finding("checksum", Outcome.FAILED, "differs", Level.CHECKSUM)]
    world.safety_level = Level.ARRIVED
    world.judge_safety_as = RecordName.REJECTED
    ended(world, status=Status.FAILED, reason="safety_rejected")


def test_a_safety_backup_that_is_never_judged_is_not_waited_for_for_ever() -> None:
    world = World()
    world.judge_safety_as = None
    ended(world, status=Status.FAILED, reason="safety_overdue")


def test_what_collect_could_not_capture_ends_it_with_collects_own_words() -> None:
    world = World()
    world.judge_safety_as = None
    recovery = world.ask()
    slot = safety_key(recovery).slot.text
    state = f'{{"failure": {{"slot": "{slot}", "retryable": false, "cause": "it is locked", "hint": "Unlock it."}}}}'
    world.store.put(KEY.artifact_id.safety.state_key, state.encode())
    recovery = world.run_to_the_end(recovery)
    assert reason_of(recovery) == "safety_failed"
    assert "it is locked" in recovery.records[-1].detail


@pytest.mark.parametrize("capture_fails", [False, True])
def test_a_live_database_found_damaged_by_its_safety_backup_is_set_aside(capture_fails: bool) -> None:
    world = World()
    recovery = world.ask()
    if capture_fails:
        world.judge_safety_as = None
        slot = safety_key(recovery).slot.text
        state = f'{{"failure": {{"slot": "{slot}", "retryable": false, "cause": "malformed", "reason": "damaged"}}}}'
        world.store.put(KEY.artifact_id.safety.state_key, state.encode())
    else:
        world.judge_safety_as, world.safety_level = RecordName.REJECTED, Level.COMPLETE
        world.safety_findings = failed("integrity")
    recovery = world.run_to_the_end(recovery)
    assert world.status(recovery) is Status.RECOVERED
    assert world.server.methods == [SwapMethod.SET_ASIDE]


def test_violated_foreign_keys_alone_do_not_make_a_live_database_damaged() -> None:
    world = World()
    world.judge_safety_as, world.safety_level = RecordName.REJECTED, Level.COMPLETE
    world.safety_findings = failed("foreign_keys")
    recovery = world.run_to_the_end(world.ask())
    assert world.server.methods == [SwapMethod.IN_PLACE]
    assert recovery.can_undo


# ---- the server's own commands -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "reason"),
    [(BROKEN, "hook_failed"), (StalledError("wait", "server_001", "no end", "Look."), "hook_timed_out")],
    ids=["fails", "hangs"],
)
def test_a_stop_command_that_fails_or_hangs_ends_it_and_the_game_is_started_again(
    result: CommandResult | Exception, reason: str
) -> None:
    world = World(hooks=True)
    world.server.hooks[BEFORE] = result
    recovery = ended(world, status=Status.FAILED, reason=reason)
    assert world.server.did[-2:] == [AFTER, "clean_up"]
    assert "swap" not in world.server.did
    if reason == "hook_failed":
        assert "unit game.service not found" in recovery.records[-1].detail


def test_a_start_command_that_fails_rolls_back() -> None:
    world = World(hooks=True)
    results = iter([BROKEN, CommandResult(0, b"", b"")])
    world.server.hooks = FirstFails(results)
    recovery = ended(world, status=Status.ROLLED_BACK, reason="hook_failed")
    assert S.ROLLING_BACK in world.states(recovery)


class FirstFails(dict[str, CommandResult | Exception]):
    """The start command fails the first time."""

    def __init__(self, results: object) -> None:
        super().__init__()
        self._results = results

    def get(self, key: str, default: object = None) -> object:  # type: ignore[override]  # narrower than dict's
        return next(self._results) if key == AFTER else default  # type: ignore[call-overload]  # an iterator


def test_a_game_that_cannot_be_started_again_is_left_to_a_person() -> None:
    world = World(hooks=True)
    world.server.hooks = {BEFORE: BROKEN, AFTER: BROKEN}
    recovery = world.run_to_the_end(world.ask())
    assert world.status(recovery) is Status.UNRESOLVED
    assert world.server.target == OLD
    assert "could not be started" in recovery.records[-1].detail


# ---- after the swap ----------------------------------------------------------------------------------------------------------


def test_what_does_not_prove_whole_where_it_lives_is_rolled_back() -> None:
    world = World()
    world.server.bad_findings["verify"] = failed("integrity")
    recovery = ended(world, status=Status.ROLLED_BACK, reason="not_whole")
    assert world.states(recovery)[-3:] == [S.SWAPPED, S.ROLLING_BACK, S.ROLLED_BACK]


def test_a_swap_that_cannot_be_is_rolled_back() -> None:
    world = World()
    world.server.fail("swap", refused("not_equal"), after=True)
    ended(world, status=Status.ROLLED_BACK, reason="not_equal")


def test_a_connection_lost_for_long_after_the_swap_began_is_left_to_the_queue() -> None:
    world = World()
    world.server.fail("swap", lost(), times=4)
    recovery = world.ask()
    with pytest.raises(TransportError):
        world.run(recovery)
    assert world.status(recovery) is Status.RUNNING
    assert world.status(world.run_to_the_end(recovery)) is Status.RECOVERED


def test_killed_while_it_rolls_back_the_next_run_rolls_back() -> None:
    world = World()
    world.server.bad_findings["verify"] = failed("integrity")
    world.server.fail("roll_back", lost(), times=4)
    recovery = world.ask()
    with pytest.raises(TransportError):
        world.run(recovery)
    assert world.status(recovery) is Status.ROLLING_BACK
    assert world.status(world.run_to_the_end(recovery)) is Status.ROLLED_BACK
    assert world.server.target == OLD


def test_a_roll_back_that_cannot_be_keeps_everything_for_a_person() -> None:
    world = World()
    world.server.bad_findings["verify"] = failed("integrity")
    world.server.fail("roll_back", refused("disk_full"))
    recovery = world.run_to_the_end(world.ask())
    assert world.status(recovery) is Status.UNRESOLVED
    assert not world.server.is_clean
    assert f".fleetsave-{recovery.id}" in recovery.records[-1].detail


# ---- what was asked for ------------------------------------------------------------------------------------------------------


def test_a_backup_pruned_between_request_and_work_is_refused_before_the_server_is_asked() -> None:
    world = World()
    recovery = world.ask(backup_key="servers/server_001/database/server_001_20230101_120000_database.db")
    recovery = world.run_to_the_end(recovery)
    assert reason_of(recovery) == "unknown_backup"
    assert world.server.did == []


def test_a_server_that_left_the_fleet_meanwhile_is_not_touched() -> None:
    world = World()
    recovery = world.ask()
    world.fleet = world.fleet.model_copy(update={"servers": []})
    recovery = world.run_to_the_end(recovery)
    assert world.status(recovery) is Status.FAILED
    assert world.server.did == []


def test_nothing_that_a_recovery_writes_holds_a_secret_of_the_server() -> None:
    world = World(hooks=True)
    world.run_to_the_end(world.ask())
    written = [world.store.get(info.key) for info in world.store.list("recoveries/")]
    assert written
    assert not any(b"key_secret" in body or b"fleetsave/ssh/" in body for body in written)
