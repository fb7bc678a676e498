"""What is due is due in exactly one look, however the looks lie."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.due import LOOK_EVERY, is_due, newest_turn, reread_due
from fleetsave.model.keys import BackupKey

SINCE = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
KEY = BackupKey.parse("servers/alpha/database/alpha_20260615_120000_database.db.zst")
DAY = timedelta(days=1)
LOOKS = st.lists(st.integers(1, 5000), min_size=1, max_size=60).map(
    lambda gaps: [SINCE + timedelta(seconds=7 * sum(gaps[: at + 1])) for at in range(len(gaps))]
)


def points(first: timedelta, until: datetime) -> list[datetime]:
    """Count the other way: add up, instead of dividing."""
    found, wait = [], first
    while SINCE + wait <= until:
        found.append(SINCE + wait)
        wait *= 2
    return found


@given(LOOKS, st.sampled_from([LOOK_EVERY, timedelta(hours=1)]))
def test_it_is_due_in_the_looks_that_cover_the_first_wait_and_each_doubling_of_it(
    looks: list[datetime], first: timedelta
) -> None:
    last = SINCE
    for now in looks:
        assert is_due(SINCE, last, now, first) == any(last < point <= now for point in points(first, now))
        last = now


def test_a_look_every_quarter_of_an_hour_for_a_day_sends_seven_times() -> None:
    looks = [SINCE + LOOK_EVERY * number for number in range(97)]
    due = [now - SINCE for last, now in pairwise(looks) if is_due(SINCE, last, now)]
    assert due == [LOOK_EVERY * factor for factor in (1, 2, 4, 8, 16, 32, 64)]


def test_what_lies_in_the_future_is_not_due() -> None:
    assert not is_due(SINCE + DAY, SINCE - DAY, SINCE)
    assert not reread_due(KEY, SINCE - 2 * DAY, SINCE - DAY, 28 * DAY)


@given(LOOKS, st.integers(1, 40))
def test_a_backup_is_read_again_exactly_once_in_each_period(looks: list[datetime], days: int) -> None:
    period = days * DAY / 10
    times, last = 0, SINCE
    for now in looks:
        if now - last < period:
            times += reread_due(KEY, last, now, period)
            last = now
    elapsed = (last - SINCE) / period
    assert elapsed - 1 <= times <= elapsed + 0.9


def test_backups_are_read_again_spread_over_the_period_and_not_in_its_first_tenth() -> None:
    period = 28 * DAY
    keys = [BackupKey.parse(f"servers/s{n}/database/s{n}_20260615_120000_database.db.zst") for n in range(300)]
    by_tenth = [
        sum(reread_due(key, SINCE + period * n / 10, SINCE + period * (n + 1) / 10, period) for key in keys) for n in range(10)
    ]
    assert by_tenth[0] == 0
    assert sum(by_tenth) == len(keys)
    assert all(15 < count < 55 for count in by_tenth[1:])


@given(st.text(min_size=1, max_size=20), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001 - given a zone below
def test_a_turn_comes_once_a_day(name: str, moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC)
    turn = newest_turn(name, now)
    assert turn <= now < turn + DAY
    assert newest_turn(name, turn) == turn
    assert newest_turn(name, now + DAY) == turn + DAY
