"""A recovery's records tell where it stands, whatever order it took."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.kinds import Kind
from fleetsave.model.records import Fingerprint
from fleetsave.model.recoveries import FINAL, SILENT_FOR, STEPS, Recovery, Status
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import (
    Progress,
    RecoveryRecord,
    RecoveryRequest,
    RecoveryState,
    Safety,
    Survey,
    SwapMethod,
    SwapReport,
    TargetState,
)

NOW = datetime(2026, 6, 15, 3, 0, tzinfo=UTC)
ID = RecoveryId("server_001", 17)
REQUEST = RecoveryRequest("server_001", Kind.DATABASE, "server_001", "somebody", "0" * 64)
S = RecoveryState


def record(state: RecoveryState, at: datetime = NOW) -> RecoveryRecord:
    return RecoveryRecord(str(ID), state, at, "", "0", REQUEST if state is S.REQUESTED else None)


def recovery(*states: RecoveryState) -> Recovery:
    return Recovery(ID, tuple(record(state) for state in (S.REQUESTED, *states)))


UNDER_WAY = [state for state in RecoveryState if state not in FINAL]


def test_the_steps_end_with_success_and_hold_no_other_end() -> None:
    assert (STEPS[0], STEPS[-1]) == (S.REQUESTED, S.RECOVERED)
    assert set(STEPS) & FINAL == {S.RECOVERED}


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ((), Status.QUEUED),
        ((S.SELECTED,), Status.RUNNING),
        ((S.SELECTED, S.INSPECTED, S.SECURED, S.UPLOADED, S.CHECKED, S.STOPPING, S.STOPPED, S.SWAPPING), Status.RUNNING),
        ((S.CANCEL_REQUESTED,), Status.CANCELLING),
        ((S.SELECTED, S.CANCEL_REQUESTED, S.INSPECTED), Status.CANCELLING),
        ((S.SWAPPED, S.ROLLING_BACK), Status.ROLLING_BACK),
        ((S.CANCEL_REQUESTED, S.ROLLING_BACK), Status.ROLLING_BACK),
        ((S.SELECTED, S.CANCEL_REQUESTED, S.CANCELLED), Status.CANCELLED),
        ((S.FAILED,), Status.FAILED),
        ((S.SWAPPING, S.ROLLING_BACK, S.ROLLED_BACK), Status.ROLLED_BACK),
        ((S.SWAPPING, S.UNRESOLVED), Status.UNRESOLVED),
        ((S.STARTED, S.RECOVERED, S.CANCEL_REQUESTED), Status.RECOVERED),
    ],
)
def test_one_word_tells_where_it_stands(states: tuple[RecoveryState, ...], status: Status) -> None:
    assert recovery(*states).status(NOW, None) is status


@given(st.lists(st.sampled_from(UNDER_WAY), max_size=8), st.sampled_from(sorted(FINAL)))
def test_nothing_takes_back_an_end(before: list[RecoveryState], end: RecoveryState) -> None:
    over = recovery(*before, end, S.CANCEL_REQUESTED)
    assert over.is_finished
    assert over.status(NOW + 365 * timedelta(days=1), None) == end.value
    assert not over.is_stalled(NOW + 365 * timedelta(days=1), None)
    assert not over.can_cancel


@given(st.lists(st.sampled_from(UNDER_WAY), max_size=8))
def test_without_an_end_it_is_under_way_and_stalls_when_it_falls_silent(states: list[RecoveryState]) -> None:
    under_way = recovery(*states)
    assert not under_way.is_finished
    assert under_way.status(NOW + SILENT_FOR, None) is not Status.STALLED
    assert under_way.status(NOW + SILENT_FOR + timedelta(seconds=1), None) is Status.STALLED


def test_the_newest_sign_of_life_counts() -> None:
    late = NOW + SILENT_FOR + timedelta(minutes=1)
    old, other = Progress(str(ID), NOW, 0, 1), Progress("server_001.000016", late, 0, 1)
    assert recovery().is_stalled(late, old)
    assert recovery().is_stalled(late, other)
    assert not recovery().is_stalled(late, Progress(str(ID), NOW + timedelta(minutes=2), 0, 1))
    newer = Recovery(ID, (*recovery().records, record(S.SELECTED, late)))
    assert not newer.is_stalled(late, old)


@given(st.lists(st.sampled_from(list(RecoveryState)), max_size=8))
def test_what_was_reached_is_the_furthest_step(states: list[RecoveryState]) -> None:
    reached = recovery(*states).reached
    assert STEPS.index(reached) == max((STEPS.index(state) for state in states if state in STEPS), default=0)


@given(st.lists(st.sampled_from(list(RecoveryState)), max_size=8))
def test_it_can_be_cancelled_until_the_swap_begins(states: list[RecoveryState]) -> None:
    one = recovery(*states)
    assert one.can_cancel == (S.SWAPPING not in states and not FINAL & set(states))
    assert one.is_cancel_requested == (S.CANCEL_REQUESTED in states)


@pytest.mark.parametrize(
    ("safety", "can_undo"),
    [(None, False), (Safety(None, None, "nothing there"), False), (Safety("servers/...", "verified", "stored"), True)],
)
def test_it_can_be_undone_if_there_is_something_to_bring_back(safety: Safety | None, *, can_undo: bool) -> None:
    secured = RecoveryRecord(str(ID), S.SECURED, NOW, "", "0", safety=safety)
    under_way = Recovery(ID, (record(S.REQUESTED), secured))
    assert not under_way.can_undo
    assert Recovery(ID, (*under_way.records, record(S.RECOVERED))).can_undo is can_undo
    assert not Recovery(ID, (*under_way.records, record(S.ROLLED_BACK))).can_undo


def test_each_steps_finding_is_at_hand() -> None:
    survey = Survey(TargetState.HEALTHY, 1, "wal", 4096, None, 9, 2, [], "python 3.11")
    first, last = (
        SwapReport(SwapMethod.IN_PLACE, seconds, Fingerprint({}, ""), moved_on=False, kept=None) for seconds in (1.0, 2.0)
    )
    one = Recovery(
        ID,
        (
            record(S.REQUESTED),
            RecoveryRecord(str(ID), S.INSPECTED, NOW, "", "0", survey=survey),
            RecoveryRecord(str(ID), S.SWAPPED, NOW, "first", "0", swap=first),
            RecoveryRecord(str(ID), S.SWAPPED, NOW, "last", "0", swap=last),
        ),
    )
    assert (one.request, one.plan, one.safety) == (REQUEST, None, None)
    assert (one.survey, one.swap) == (survey, last)
    newest = one.record(S.SWAPPED)
    assert newest is not None
    assert newest.detail == "last"
    assert one.record(S.STARTED) is None


def test_a_first_record_without_a_request_is_no_recovery() -> None:
    with pytest.raises(ValueError, match="holds no request"):
        Recovery(ID, (record(S.SELECTED),)).request  # noqa: B018 - the property raises
