"""Slots are whole seconds of UTC that read and sort as they are written."""

import os
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.slots import Slot

EXAMPLES = settings(max_examples=int(os.environ.get("FLEETSAVE_HYPOTHESIS_EXAMPLES", "100")), deadline=None)
HOUR = timedelta(hours=1)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
periods = st.integers(min_value=1, max_value=7 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))


@given(moments)
@EXAMPLES
def test_a_slot_reads_as_it_is_written(moment: datetime) -> None:
    slot = Slot(moment.replace(microsecond=0))
    assert Slot.parse(slot.text) == slot


@given(moments, moments)
@EXAMPLES
def test_slots_sort_as_their_texts_do(one: datetime, other: datetime) -> None:
    first, second = Slot(one.replace(microsecond=0)), Slot(other.replace(microsecond=0))
    assert (first < second) is (first.text < second.text)


@given(moments, periods)
@EXAMPLES
def test_every_moment_lies_in_the_period_its_slot_begins(moment: datetime, period: timedelta) -> None:
    slot = Slot.floor(moment, period)
    assert slot.at <= moment < slot.at + period
    assert Slot.floor(slot.at, period) == slot


def test_a_late_run_stands_for_the_hour_it_was_scheduled_in() -> None:
    assert Slot.floor(datetime(2024, 1, 1, 12, 59, 59, 999999, tzinfo=UTC), HOUR).text == "20240101_120000"
    assert Slot.floor(datetime(2024, 1, 1, 14, 5, tzinfo=timezone(timedelta(hours=2))), HOUR).text == "20240101_120000"


def test_a_repair_is_stored_under_a_slot_of_its_own() -> None:
    assert Slot.parse("20240101_120000").repair(2).text == "20240101_120002"
    assert Slot.parse("20240101_120000").repair(0).text == "20240101_120000"


@pytest.mark.parametrize(
    "text",
    [
        "", "20240101", "20240101-120000", "2024010_120000", "20240101_12000", "20240101_120000 ", " 20240101_120000",
        "20240101_120000\n", "20240230_120000", "20241301_120000", "20240101_246000", "20240101_120060",
        "00000101_120000", "2024 101_120000",
        "\u0662\u0660\u0662\u0664\u0660\u0661\u0660\u0661_120000", "now",
    ],
)  # fmt: skip
def test_what_is_no_slot_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="20240101_120000, in UTC"):
        Slot.parse(text)


def test_a_slot_is_of_utc_and_of_whole_seconds() -> None:
    for moment in (
        datetime(2024, 1, 1, 12, tzinfo=timezone(HOUR)),
        datetime(2024, 1, 1, 12, 0, 0, 1, tzinfo=UTC),
        datetime(2024, 1, 1, 12),  # noqa: DTZ001 - a naive time is what is refused
    ):
        with pytest.raises(InvalidInputError):
            Slot(moment)


def test_a_moment_without_a_zone_and_a_period_below_a_minute_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="no time zone"):
        Slot.floor(datetime(2024, 1, 1), HOUR)  # noqa: DTZ001 - a naive time is what is refused
    with pytest.raises(InvalidInputError, match="at least one minute"):
        Slot.floor(datetime(2024, 1, 1, tzinfo=UTC), timedelta(seconds=59))
