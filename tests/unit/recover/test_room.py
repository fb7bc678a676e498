"""A recovery that goes well, and one that is cut off anywhere: every step has its record, and the next run goes on."""

from dataclasses import replace

import pytest

from fleetsave.model.errors import StoreError, TransportError
from fleetsave.model.keys import RecordName
from fleetsave.model.recoveries import Recovery, Status
from fleetsave.model.recovery_jobs import Cause
from fleetsave.model.recovery_records import RecoveryState, SwapMethod, TargetState
from fleetsave.recover.outcome import Finished, HandedOn
from tests.unit.recover.world import AFTER, BEFORE, KEY, NEW, OLD, World, safety_key

S = RecoveryState
PLAIN = [S.REQUESTED, S.SELECTED, S.INSPECTED, S.SECURED, S.UPLOADED, S.CHECKED, S.SWAPPING, S.SWAPPED, S.RECOVERED]
HOOKED = [*PLAIN[:6], S.STOPPING, S.STOPPED, S.SWAPPING, S.SWAPPED, S.STARTED, S.RECOVERED]


def test_the_newest_verified_backup_takes_the_targets_place_with_proof() -> None:
    world = World()
    recovery = world.run_to_the_end(world.ask())
    assert world.states(recovery) == PLAIN
    assert world.server.target == NEW
    assert recovery.plan is not None
    assert recovery.plan.backup_key == KEY.text
    proof = recovery.record(S.RECOVERED)
    assert proof is not None
    assert [finding.check for finding in proof.findings] == ["integrity"]
    assert world.status(recovery) is Status.RECOVERED
    assert world.server.is_clean


def test_what_was_there_is_backed_up_and_judged_before_a_byte_is_sent() -> None:
    world = World()
    recovery = world.run_to_the_end(world.ask())
    (job,) = world.collect_queue.jobs
    assert (job.artifact_id, job.source_path) == (KEY.artifact_id.safety, "/srv/game/world.db")
    assert recovery.safety is not None
    assert recovery.safety.backup_key == safety_key(recovery).text
    assert world.catalog.has(safety_key(recovery), RecordName.VERIFIED)
    assert recovery.can_undo


def test_the_servers_commands_stop_and_start_the_game_around_the_swap() -> None:
    world = World(hooks=True)
    recovery = world.run_to_the_end(world.ask())
    assert world.states(recovery) == HOOKED
    did = [one for one in world.server.did if one in (BEFORE, "swap", AFTER, "verify")]
    assert did == [BEFORE, "swap", AFTER, "verify"]


def test_a_message_that_comes_again_changes_nothing() -> None:
    world = World()
    recovery = world.run_to_the_end(world.ask())
    assert world.run(recovery) == Finished(recovery.id, S.RECOVERED)
    assert world.states(recovery) == PLAIN
    assert world.server.did.count("swap") == 1


@pytest.mark.parametrize("hooks", [False, True])
def test_killed_at_any_call_of_the_store_the_next_run_goes_on(hooks: bool) -> None:
    undisturbed = World(hooks=hooks)
    asked = undisturbed.ask()
    before = dict(undisturbed.store.calls)
    undisturbed.run(asked)
    calls = {method: count - before.get(method, 0) for method, count in undisturbed.store.calls.items()}
    killed = 0
    for method in ("put", "get", "head", "list", "read"):
        for after in (False, True):
            for call in range(1, calls[method] + 1):
                killed += interrupted(method, call, after=after, hooks=hooks)
    assert killed > 60


def interrupted(method: str, call: int, *, after: bool, hooks: bool) -> int:
    """Let one call of the store fail, run again, and see that all is as without it; return whether the call came."""
    world = World(hooks=hooks)
    recovery = world.ask()
    world.store.fail(method, StoreError(method, "x", "cut off", "Again.", retryable=True), call=call, after=after)
    failures = 0
    for _ in range(3):
        try:
            world.run(recovery)
            break
        except StoreError:
            failures += 1
    assert world.server.target == NEW, (method, call, after)
    assert set(world.states(recovery)) == set(HOOKED if hooks else PLAIN), (method, call, after)
    assert world.server.is_clean
    return failures


def test_near_its_deadline_a_run_hands_the_recovery_on_after_any_step() -> None:
    world = World(hooks=True)
    recovery = world.ask()
    reached = []
    for hop in range(20):
        done = len(world.states(recovery))
        world.near_deadline = lambda done=done: len(world.states(recovery)) > done  # type: ignore[misc]  # mypy knows no defaults here
        outcome = world.run(recovery, hop)
        if isinstance(outcome, Finished):
            break
        assert isinstance(outcome, HandedOn)
        assert (outcome.job.cause, outcome.job.hop) == (Cause.CONTINUED, hop + 1)
        reached.append(outcome.reached)
    assert world.server.target == NEW
    assert world.states(recovery) == HOOKED
    assert len(set(reached)) > 5


def test_a_run_with_little_time_left_hands_on_before_it_stops_the_game() -> None:
    world = World(hooks=True)
    recovery = world.ask()
    world.seconds_left = 300
    outcome = world.run(recovery)
    assert isinstance(outcome, HandedOn)
    assert outcome.reached is S.CHECKED
    assert BEFORE not in world.server.did
    world.seconds_left = 840
    assert world.status(world.run_to_the_end(recovery)) is Status.RECOVERED


def test_an_upload_that_does_not_fit_one_run_goes_on_where_it_was() -> None:
    world = World()
    recovery = world.ask()
    looks = 0

    def near_deadline() -> bool:
        nonlocal looks
        looks += 1
        return looks == 8

    world.near_deadline = near_deadline
    world.server.fail("receive", lost(), after=True)
    world.run_to_the_end(recovery)
    assert world.server.target == NEW


def lost() -> TransportError:
    return TransportError("read", "server_001", "the connection was lost", "Again.", retryable=True)


@pytest.mark.parametrize("step", ["survey", "received", "receive", "check", "swap", "verify"])
@pytest.mark.parametrize("after", [False, True])
def test_a_connection_that_is_lost_is_made_anew(step: str, after: bool) -> None:
    world = World()
    world.server.fail(step, lost(), after=after)
    recovery = world.run_to_the_end(world.ask())
    assert world.states(recovery) == PLAIN
    assert world.server.target == NEW


@pytest.mark.parametrize(
    ("state", "method"),
    [
        (TargetState.HEALTHY, SwapMethod.IN_PLACE),
        (TargetState.MISSING, SwapMethod.PLACE),
        (TargetState.EMPTY, SwapMethod.SET_ASIDE),
        (TargetState.DAMAGED, SwapMethod.SET_ASIDE),
        (TargetState.FOREIGN, SwapMethod.SET_ASIDE),
    ],
)
def test_the_way_of_the_swap_follows_from_what_stands_there(state: TargetState, method: SwapMethod) -> None:
    world = World()
    world.server.state = state
    recovery = world.run_to_the_end(world.ask())
    assert world.server.methods == [method]
    assert recovery.swap is not None
    assert recovery.can_undo == (state is TargetState.HEALTHY)


@pytest.mark.parametrize(("journal_mode", "method"), [("wal", SwapMethod.SET_ASIDE), ("rollback", SwapMethod.IN_PLACE)])
def test_another_page_size_is_restored_in_place_where_sqlite_can(journal_mode: str, method: SwapMethod) -> None:
    world = World()
    world.server.page_size, world.server.journal_mode = 8192, journal_mode
    world.run_to_the_end(world.ask())
    assert world.server.methods == [method]


def test_a_person_may_stop_it_until_the_swap_begins() -> None:
    world = World()
    world.judge_safety_as = None
    recovery = world.ask()
    world.on_pause = lambda: cancel(world, recovery)
    recovery = world.run_to_the_end(recovery)
    assert world.status(recovery) is Status.CANCELLED
    assert world.server.target == OLD
    assert "swap" not in world.server.did


def test_a_wish_to_stop_that_comes_after_the_swap_began_is_too_late() -> None:
    world = World(hooks=True)
    recovery = world.ask()
    world.server.fail("swap", lost())
    world.on_pause = lambda: cancel(world, recovery)
    recovery = world.run_to_the_end(recovery)
    assert world.status(recovery) is Status.RECOVERED


def cancel(world: World, recovery: Recovery) -> None:
    record = replace(world.load(recovery).records[0], state=S.CANCEL_REQUESTED, request=None, detail="enough")
    if not world.load(recovery).is_cancel_requested:
        world.recoveries.append(world.load(recovery), record)
