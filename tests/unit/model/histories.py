"""Histories of one artifact for the tests of retention, written by hand or drawn by hypothesis."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.policy import RetentionPolicy
from fleetsave.model.slots import Slot

NOW = datetime(2026, 6, 15, 12, 30, tzinfo=UTC)
ARTIFACT = ArtifactId("server_001", Kind.DATABASE, "database")


def backup(
    age: timedelta, state: State = State.VERIFIED, *, pinned: bool = False, stored_late: timedelta | None = None
) -> Backup:
    """Return a backup whose slot lies `age` before NOW; its records were written a minute later, or `stored_late` later."""
    slot = Slot((NOW - age).replace(microsecond=0))
    recorded_at = {RecordName.STORED: slot.at + (stored_late if stored_late is not None else timedelta(minutes=1))}
    if state is not State.STORED:
        recorded_at[RecordName(state)] = recorded_at[RecordName.STORED] + timedelta(minutes=1)
    if pinned:
        recorded_at[RecordName.PINNED] = recorded_at[RecordName.STORED] + timedelta(minutes=2)
    return Backup(BackupKey(ARTIFACT, slot, Compression.ZSTD), recorded_at)


_VERIFIED = (RecordName.STORED, RecordName.VERIFIED)
_CALM: list[tuple[RecordName, ...]] = [
    *[_VERIFIED] * 9,
    (RecordName.STORED,),
    (*_VERIFIED, RecordName.PINNED),
    (RecordName.STORED, RecordName.REJECTED),
]
_WILD: list[tuple[RecordName, ...]] = [
    *_CALM,
    (RecordName.STORED, RecordName.SUSPECT),
    (RecordName.STORED, RecordName.SUSPECT, RecordName.VERIFIED),
    (*_VERIFIED, RecordName.REJECTED),
    (*_VERIFIED, RecordName.PRUNED),
    (RecordName.VERIFIED,),
    (RecordName.PINNED,),
    (),
]
_LATE = [timedelta(minutes=1)] * 9 + [timedelta(days=40)]


def _make(minutes: int, records: tuple[RecordName, ...], late: timedelta, compression: Compression) -> Backup:
    slot = Slot(NOW - timedelta(minutes=minutes))
    recorded_at = dict.fromkeys(records, min(slot.at + late, max(slot.at, NOW)))
    return Backup(BackupKey(ARTIFACT, slot, compression), recorded_at)


def _histories(youngest: int, records: list[tuple[RecordName, ...]]) -> st.SearchStrategy[list[Backup]]:
    """Draw up to 16 backups of ages from `youngest` minutes to 120 days, each with one of the sets of records."""
    minutes = st.integers(min_value=youngest, max_value=172_800)
    one = st.builds(_make, minutes, st.sampled_from(records), st.sampled_from(_LATE), st.sampled_from(Compression))
    return st.lists(one, min_size=0, max_size=16, unique_by=lambda made: made.key)


histories = st.one_of(_histories(0, _CALM), _histories(0, _CALM), _histories(0, _WILD), _histories(-300, _WILD))

_hours = st.integers(min_value=1, max_value=90 * 24).map(lambda hours: timedelta(hours=hours))
_keep_last = st.integers(min_value=1, max_value=4)
_share = st.sampled_from([1.0, 1.0, 0.5, 0.05])
_count = st.integers(min_value=0, max_value=8)

policies = st.builds(RetentionPolicy, keep_for=_hours, keep_last=_keep_last, maximum_share=_share) | st.builds(
    RetentionPolicy, _hours, _keep_last, hourly=_count, daily=_count, weekly=_count, monthly=_count, maximum_share=_share
)
