"""A schedule's times are those that EventBridge keeps, counted here a second time minute by minute."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.errors import ConfigurationError
from fleetsave.model.schedules import Schedule
from fleetsave.model.slots import Slot

HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 6, 15, 0, 0, tzinfo=UTC)
NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


def matches(moment: datetime, minutes: set[int], hours: set[int], weekdays: set[int]) -> bool:
    """Tell whether a moment is one of a schedule's, days of the week from 1 for Sunday."""
    return moment.minute in minutes and moment.hour in hours and moment.isoweekday() % 7 + 1 in weekdays


def spell(numbers: set[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


@given(
    st.sets(st.integers(0, 59), min_size=1, max_size=3),
    st.sets(st.integers(0, 23), min_size=1, max_size=4),
    st.sets(st.integers(1, 7), min_size=1),
    st.integers(0, 3 * 24 * 60),
    st.sampled_from([15, 60, 360, 1440]),
)
def test_due_times_are_those_counted_minute_by_minute(
    minutes: set[int], hours: set[int], weekdays: set[int], start: int, period: int
) -> None:
    schedule = Schedule(f"cron({spell(minutes)} {spell(hours)} ? * {spell(weekdays)} *)", timedelta(minutes=period))
    since = BEGIN + timedelta(minutes=start)
    until = since + timedelta(days=2)
    firsts: dict[Slot, datetime] = {}
    for minute in range(-1440, 2 * 1440 + 1):
        moment = since + timedelta(minutes=minute)
        if matches(moment, minutes, hours, weekdays):
            firsts.setdefault(Slot.floor(moment, schedule.period), moment)
    counted = [(moment, slot) for slot, moment in firsts.items() if since < moment <= until]
    assert [(due.at, due.slot) for due in schedule.due_times(since, until)] == counted
    newest = schedule.newest_due(until)
    if counted:
        assert newest is not None
        assert (newest.at, newest.slot) == counted[-1]


@pytest.mark.parametrize(
    ("field", "days"),
    [("2-6", "MON TUE WED THU FRI"), ("MON-FRI", "MON TUE WED THU FRI"), ("1,7", "SUN SAT"), ("2/2", "MON WED FRI"), ("L", "SAT"),
     ("*/3", "SUN WED SAT"), ("sun", "SUN"), ("*", " ".join(NAMES))],
)  # fmt: skip
def test_days_of_the_week_are_counted_as_eventbridge_does(field: str, days: str) -> None:
    schedule = Schedule(f"cron(30 4 ? * {field} *)", HOUR)
    due = [one.at for one in schedule.due_times(BEGIN - timedelta(days=1), BEGIN + timedelta(days=6))]
    assert {NAMES[moment.isoweekday() % 7] for moment in due} == set(days.split())


@pytest.mark.parametrize(("field", "day"), [("6L", 26), ("6#1", 5), ("FRI#3", 19)])
def test_the_last_and_the_nth_of_a_day_are_told(field: str, day: int) -> None:
    schedule = Schedule(f"cron(0 0 ? * {field} *)", timedelta(days=1))
    june = schedule.due_times(BEGIN.replace(day=1), BEGIN.replace(day=30))
    assert [due.at.day for due in june] == [day]


def test_a_schedule_that_does_not_lie_on_its_period_stands_for_the_period_it_falls_into() -> None:
    due = Schedule("cron(20 * * * ? *)", HOUR).newest_due(BEGIN + timedelta(minutes=50))
    assert due is not None
    assert (due.at, due.slot.at) == (BEGIN + timedelta(minutes=20), BEGIN)


def test_a_repetition_counts_for_what_it_repeats() -> None:
    schedule = Schedule("cron(0 * * * ? *)", HOUR)
    assert schedule.floor(Slot(BEGIN).repair(3)) == Slot(BEGIN)


@pytest.mark.parametrize(
    ("cron", "cause"),
    [
        ("rate(1 hour)", "only cron"),
        ("at(2026-01-01T00:00:00)", "only cron"),
        ("cron(0 * * * ? 2027)", "year 2027"),
        ("cron(0 * * * *)", "only cron"),
        ("cron(0 * * * * *)", "must be ?"),
        ("cron(0 * ? * ? *)", "must be ?"),
        ("cron(0 0 3W * ? *)", "cannot be read"),
        ("cron(61 * * * ? *)", "cannot be read"),
        ("cron(0 0 31 2 ? *)", "cannot be read"),
        ("cron(0 0 ? * 0 *)", "no day of the week"),
        ("cron(0 0 ? * FRI-MON *)", "no range"),
        ("cron(0 0 ? * 2/0 *)", "no range"),
        ("", "only cron"),
    ],
)
def test_what_tells_no_times_is_refused_with_what_to_do(cron: str, cause: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Schedule(cron, HOUR)
    assert cause in refused.value.cause
    assert refused.value.hint


def test_a_period_below_a_minute_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="period"):
        Schedule("cron(0 * * * ? *)", timedelta(seconds=30))
