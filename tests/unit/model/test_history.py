"""Where a backup stands follows from which records it has, and from nothing else."""

from datetime import UTC, datetime

import pytest

from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot

KEY = BackupKey(ArtifactId("server_001", Kind.DATABASE, "database"), Slot.parse("20240101_120000"), Compression.ZSTD)
STORED, VERIFIED, REJECTED = RecordName.STORED, RecordName.VERIFIED, RecordName.REJECTED
SUSPECT, PRUNED, PINNED = RecordName.SUSPECT, RecordName.PRUNED, RecordName.PINNED


def backup(*names: RecordName) -> Backup:
    return Backup(KEY, dict.fromkeys(names, datetime(2024, 1, 1, 12, 5, tzinfo=UTC)))


@pytest.mark.parametrize(
    ("names", "state"),
    [
        ((), State.STORED),
        ((STORED,), State.STORED),
        ((STORED, PINNED), State.STORED),
        ((STORED, VERIFIED), State.VERIFIED),
        ((STORED, SUSPECT), State.SUSPECT),
        ((STORED, SUSPECT, VERIFIED), State.VERIFIED),
        ((STORED, REJECTED), State.REJECTED),
        ((STORED, VERIFIED, REJECTED), State.REJECTED),
        ((STORED, SUSPECT, VERIFIED, REJECTED), State.REJECTED),
        ((STORED, VERIFIED, PRUNED), State.PRUNED),
        ((STORED, REJECTED, PRUNED), State.PRUNED),
    ],
)
def test_the_gravest_record_decides(names: tuple[RecordName, ...], state: State) -> None:
    assert backup(*names).state is state


def test_a_pin_is_a_mark_and_no_state() -> None:
    assert backup(STORED, PINNED).is_pinned
    assert not backup(STORED).is_pinned
