"""How late is too late follows from how often something is captured."""

from datetime import UTC, datetime, timedelta

import pytest

from fleetsave.model.schedules import Schedule
from fleetsave.watchdog.look import late_after, overdue_times

NOW = datetime(2024, 1, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EVERY_MINUTE = Schedule("cron(* * * * ? *)", MINUTE)
HOURLY = Schedule("cron(0 * * * ? *)", timedelta(hours=1))


@pytest.mark.parametrize(("schedule", "expected"), [(EVERY_MINUTE, MINUTE), (HOURLY, 15 * MINUTE), (None, 15 * MINUTE)])
def test_nothing_may_be_later_than_a_look_or_a_period(schedule: Schedule | None, expected: timedelta) -> None:
    assert late_after(schedule) == expected


def test_what_is_due_every_minute_is_overdue_after_one() -> None:
    assert overdue_times(EVERY_MINUTE, NOW)[-1].at == datetime(2024, 1, 1, 11, 59, tzinfo=UTC)
    assert overdue_times(HOURLY, NOW)[-1].at == datetime(2024, 1, 1, 11, tzinfo=UTC)
