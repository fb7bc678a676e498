"""Time spans read as a person would say them."""

from datetime import timedelta

import pytest

from fleetsave.model.durations import spell


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(days=30), "30 d"),
        (timedelta(hours=2, minutes=5, seconds=59), "2 h 5 min"),
        (timedelta(days=1, seconds=1), "1 d 1 s"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(milliseconds=3), "0 s"),
        (timedelta(0), "0 s"),
        (-timedelta(minutes=90), "-1 h 30 min"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(span: timedelta, text: str) -> None:
    assert spell(span) == text
