"""Fault 27: archives that nobody vouches for: rejected by verify, with nothing written outside."""

from collections import Counter
from pathlib import Path

import pytest

from fleetsave.model.keys import RecordName
from fleetsave.verify import verdict
from tests.faults.scoring import FINISHES, scored
from tests.fixtures.hostile.every import ALL
from tests.fixtures.stored_archives import ArchiveRoom, against

pytestmark = FINISHES


def outside(folder: Path, room: Path) -> list[str]:
    """Return what is there beside the room."""
    return [str(path) for path in folder.rglob("*") if path != room and not path.is_relative_to(room)]


def test_hostile_archives_are_rejected_and_write_nowhere(tmp_path: Path) -> None:
    room_folder = tmp_path / "room"
    room_folder.mkdir()
    caught_by: Counter[str] = Counter()
    with scored(27, "each there is, verified") as tally:
        names = sorted(ALL)
        tally.chance.shuffle(names)
        for number in tally.each():
            name = names[number % len(names)]
            hostile = ALL[name]
            room = ArchiveRoom(room_folder)
            taken = hostile.make()
            outcome = room.judge(room.put_archive(taken, beside=hostile.beside(taken) if hostile.beside else None))
            if outcome.verdict is not RecordName.REJECTED or hostile.check not in against(outcome):
                tally.accepted(f"{name}: {outcome.verdict}")
            if outside(tmp_path, room_folder) or room.left_over():
                tally.lose(f"{name}: it wrote outside, or left something")
            caught_by[hostile.check] += 1
        tally.seen["caught by"] = dict(caught_by)


def test_a_verdict_that_overlooks_what_failed_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "verdict", lambda _: RecordName.VERIFIED)
    room, hostile = ArchiveRoom(tmp_path), ALL[sorted(ALL)[0]]
    taken = hostile.make()
    outcome = room.judge(room.put_archive(taken, beside=hostile.beside(taken) if hostile.beside else None))
    assert outcome.verdict is RecordName.VERIFIED
