"""Growth is told when far more is stored than on a usual day, and not when prune has thinned the days before."""

from datetime import timedelta

from fleetsave.model.growth import SURPLUS_BYTES, Growth, growth
from fleetsave.model.history import Backup
from fleetsave.model.keys import BackupKey
from tests.unit.model.histories import NOW, backup

HOUR = timedelta(hours=1)
GIB = 1 << 30


def hourly(days: int, size: int, last_day: int) -> tuple[dict[BackupKey, int], list[Backup]]:
    """Return backups of every hour of so many days, of `size` bytes each and of `last_day` bytes in the last one."""
    backups = [backup(HOUR * hours) for hours in range(24 * days)]
    return {b.key: last_day if NOW - b.key.slot.at < 24 * HOUR else size for b in backups}, backups


def test_as_much_as_ever_is_no_growth() -> None:
    found = growth(*hourly(20, GIB, GIB), NOW)
    assert found == Growth(24 * GIB, 24 * GIB)
    assert not found.is_unusual


def test_four_times_as_much_is_unusual_and_twice_is_not() -> None:
    four, two = growth(*hourly(20, GIB, 4 * GIB), NOW), growth(*hourly(20, GIB, 2 * GIB), NOW)
    assert four is not None
    assert four.is_unusual
    assert two is not None
    assert not two.is_unusual


def test_little_is_never_unusual_however_many_times_more() -> None:
    assert not Growth(SURPLUS_BYTES, 1).is_unusual
    assert Growth(SURPLUS_BYTES + 2, 1).is_unusual


def test_with_less_than_a_week_nobody_knows_what_is_usual() -> None:
    assert growth(*hourly(7, GIB, 99 * GIB), NOW) is None
    assert growth(*hourly(8, GIB, 99 * GIB), NOW) is not None
    assert growth({}, [], NOW) is None


def test_days_that_prune_has_thinned_count_for_what_they_had() -> None:
    sizes, backups = hourly(20, GIB, GIB)
    thinned = {key: size for key, size in sizes.items() if key.slot.at.hour == 3 or NOW - key.slot.at < 24 * HOUR}
    assert growth(thinned, backups, NOW) == Growth(24 * GIB, 24 * GIB)


def test_captures_that_come_too_often_are_growth_too() -> None:
    sizes, backups = hourly(20, GIB, GIB)
    more = [backup(timedelta(minutes=10 * number) + timedelta(seconds=7)) for number in range(24 * 6)]
    found = growth({**sizes, **{b.key: GIB for b in more}}, [*backups, *more], NOW)
    assert found is not None
    assert found.is_unusual
