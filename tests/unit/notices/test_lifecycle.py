from datetime import timedelta

import pytest

from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.notices.lifecycle import MENDED_BY_ITSELF, Event, good_looks_needed, missed, reminder_is_due, seen
from fleetsave.notices.told import Known
from tests.fixtures.looks import START, at_look, make_problem


def events(kind: ProblemKind, looks: str) -> str:
    """Return a letter for each look: B began, O over, M mended, else a dot; in `looks` an x is a look with the problem."""
    known: Known | None = None
    told = []
    for number, look in enumerate(looks):
        problem: Problem = make_problem(kind)
        if look == "x":
            step = seen(known, problem, at_look(number))
        elif known is not None:
            step = missed(known, at_look(number))
        else:
            told.append(".")
            continue
        known = step.known
        told.append({Event.BEGAN: "B", Event.OVER: "O", Event.MENDED: "M", None: "."}[step.event])
    return "".join(told)


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ("x", "B"),
        ("xxxx", "B..."),
        ("x--", "B.O"),
        ("x-x-x-x--", "B.......O"),
        ("x--x", "B.OB"),
        ("x--x----", "B.OB...O"),
        ("x--x--x--x--", "B.OB........"),
        ("x--------", "B.O......"),
    ],
)
def test_what_nobody_mends_is_told_at_once_and_over_after_two_good_looks(looks: str, told: str) -> None:
    assert events(ProblemKind.TOO_OLD, looks) == told


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ("x", "."),
        ("x--", "..M"),
        ("xx", ".B"),
        ("x-x", "..B"),
        ("xxx--", ".B..O"),
        ("xx--x", ".B.O."),
        ("xx--xx", ".B.O.B"),
    ],
)
def test_what_the_watchdog_mends_is_told_only_if_it_is_still_there(looks: str, told: str) -> None:
    assert events(ProblemKind.NOT_CAPTURED, looks) == told


def test_what_comes_back_a_day_after_it_was_over_is_new() -> None:
    looks = "x--" + "-" * 96 + "x--"
    assert events(ProblemKind.TOO_OLD, looks) == "B.O" + "." * 96 + "B.O"


def test_each_return_doubles_the_good_looks_that_are_needed_up_to_a_day() -> None:
    assert [good_looks_needed(returned) for returned in (0, 1, 2, 3, 6, 1000)] == [2, 4, 8, 16, 96, 96]


def test_a_reminder_comes_after_a_day_then_weekly() -> None:
    once = Known(make_problem(), START, START, 1)
    twice = Known(make_problem(), START, START, 2)
    assert not reminder_is_due(once, START + timedelta(hours=23))
    assert reminder_is_due(once, START + timedelta(hours=24))
    assert not reminder_is_due(twice, START + timedelta(days=6))
    assert reminder_is_due(twice, START + timedelta(days=7))


@pytest.mark.parametrize("known", [Known(make_problem(), START), Known(make_problem(), START, START, 1, over_at=START)])
def test_nobody_is_reminded_of_what_was_not_told_or_is_over(known: Known) -> None:
    assert not reminder_is_due(known, START + timedelta(days=30))


def test_nothing_that_means_loss_waits_for_a_second_look() -> None:
    urgent = {
        ProblemKind.TOO_OLD,
        ProblemKind.REJECTED,
        ProblemKind.SUSPECT,
        ProblemKind.RECORD_WITHOUT_OBJECT,
        ProblemKind.FLEET_FILE,
        ProblemKind.CLOCK,
    }
    assert not urgent & MENDED_BY_ITSELF


def test_the_beginning_is_the_earliest_one_told_since_some_begin_anew_at_each_look() -> None:
    first = seen(None, make_problem(since=START), START).known
    later = seen(first, make_problem(since=at_look(1), what="now"), at_look(1)).known
    assert later is not None
    assert (later.problem.since, later.problem.what) == (START, "now")
