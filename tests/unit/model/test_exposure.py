"""What backups leave open, counted here a second time minute by minute."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.exposure import WINDOW, missed_slots, missing_now, newest_judged, newest_verified, uncaptured, worst_window
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.kinds import Compression
from fleetsave.model.schedules import Due, Schedule
from fleetsave.model.slots import Slot
from tests.unit.model.histories import ARTIFACT, NOW, backup

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HOURLY = Schedule("cron(0 * * * ? *)", HOUR)
TOP = NOW.replace(minute=0)


def due(hours: int = 6) -> list[Due]:
    """Return the times of the last hours, the newest last."""
    return list(HOURLY.due_times(NOW - hours * HOUR, NOW))


def at(hours: int, *names: RecordName, repair: int = 0) -> Backup:
    """Return a backup for the slot so many hours ago."""
    slot = Slot(TOP - hours * HOUR).repair(repair)
    return Backup(BackupKey(ARTIFACT, slot, Compression.ZSTD), dict.fromkeys((RecordName.STORED, *names), slot.at + MINUTE))


def hours_of(times: list[Due]) -> list[int]:
    return [(TOP - one.at) // HOUR for one in times]


def test_the_slots_without_a_stored_backup_are_told() -> None:
    backups = [at(5), at(3, repair=2), at(2, RecordName.REJECTED)]
    assert hours_of(uncaptured(due(), backups, HOURLY)) == [4, 1, 0]


def test_missing_now_is_what_has_passed_since_the_newest_backup() -> None:
    assert hours_of(missing_now(due(), [at(5), at(3)], HOURLY)) == [2, 1, 0]
    assert missing_now(due(), [at(5), at(0)], HOURLY) == []


def test_an_artifact_without_any_backup_misses_its_newest_slot_alone() -> None:
    assert hours_of(missing_now(due(), [], HOURLY)) == [0]
    assert missing_now([], [], HOURLY) == []


def test_all_of_the_window_is_missing_where_the_last_backup_is_older() -> None:
    assert hours_of(missing_now(due(), [at(500)], HOURLY)) == [5, 4, 3, 2, 1, 0]


def test_slots_before_the_first_backup_were_not_missed() -> None:
    assert missed_slots(due(), [at(3), at(1)], HOURLY) == 2
    assert missed_slots(due(), [], HOURLY) == 0


def test_the_newest_verified_backup_is_none_of_the_future() -> None:
    good, future = backup(HOUR), backup(-48 * HOUR)
    assert newest_verified([backup(3 * HOUR), good, future, backup(MINUTE, State.SUSPECT)], NOW) == good
    assert newest_verified([future], NOW) is None


def test_the_newest_judged_backup_may_be_a_bad_one() -> None:
    bad = backup(HOUR, State.REJECTED)
    assert newest_judged([backup(2 * HOUR), bad, backup(MINUTE, State.STORED)]) == bad
    assert newest_judged([backup(MINUTE, State.STORED), backup(HOUR, State.PRUNED)]) is None


def test_the_worst_window_lasts_from_a_slot_to_the_next_verdict() -> None:
    assert (
        worst_window([at(5, RecordName.VERIFIED), at(2, RecordName.VERIFIED), at(0, RecordName.VERIFIED)], NOW)
        == 3 * HOUR + MINUTE
    )


def test_the_newest_backup_is_as_old_as_it_is_now() -> None:
    assert worst_window([at(5, RecordName.VERIFIED)], NOW) == 5 * HOUR + timedelta(minutes=30)


def test_where_nothing_was_ever_verified_there_is_no_window() -> None:
    assert worst_window([], NOW) is None
    assert worst_window([at(1), at(0, RecordName.VERIFIED, RecordName.REJECTED)], NOW) is None


def counted(backups: list[Backup]) -> timedelta | None:
    """Look now and then, and around every verdict, which data could be had back."""
    proven = [
        (b.recorded_at[RecordName.VERIFIED], b.key.slot.at)
        for b in backups
        if RecordName.VERIFIED in b.recorded_at and RecordName.REJECTED not in b.recorded_at
    ]
    worst: timedelta | None = None
    now_and_then: list[datetime] = [NOW - HOUR * n for n in range(0, WINDOW // HOUR + 1, 7)]
    for moment in now_and_then + [m for t, _ in proven for m in (t - MINUTE, t) if NOW - WINDOW <= m <= NOW] + [NOW]:
        slots = [slot for verified_at, slot in proven if verified_at <= moment]
        if slots:
            worst = max(worst or timedelta(0), moment - max(slots))
    return worst


@given(
    st.lists(
        st.tuples(
            st.integers(10, 60 * 24 * 40),
            st.integers(1, 60 * 24 * 3),
            st.sampled_from(["verified", "rejected", "pruned", "stored"]),
        ),
        max_size=8,
        unique_by=lambda drawn: drawn[0],
    )
)  # fmt: skip
def test_the_worst_window_is_the_worst_that_looking_all_the_time_shows(drawn: list[tuple[int, int, str]]) -> None:
    backups = []
    for minutes, later, state in drawn:
        slot = Slot(NOW - minutes * MINUTE)
        recorded = {RecordName.STORED: slot.at}
        if state != "stored" and slot.at + later * MINUTE <= NOW:
            recorded[RecordName.VERIFIED] = slot.at + later * MINUTE
            if state != "verified":
                recorded[RecordName(state)] = NOW
        backups.append(Backup(BackupKey(ARTIFACT, slot, Compression.ZSTD), recorded))
    found, expected = worst_window(backups, NOW), counted(backups)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert timedelta(0) <= found - expected <= MINUTE
