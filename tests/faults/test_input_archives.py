"""Fault 27: archives that nobody vouches for: rejected by verify, refused by a restore, with nothing written outside."""

from collections import Counter
from pathlib import Path

import pytest

from fleetsave.model.errors import RestoreError
from fleetsave.model.keys import RecordName
from fleetsave.verify import verdict
from tests.faults.scoring import FINISHES, Tally, scored
from tests.fixtures.copies import Folder, TreeCopy, TreeRestoring
from tests.fixtures.fault_station import stand_in_tally
from tests.fixtures.hostile.every import ALL
from tests.fixtures.stored_archives import ArchiveRoom, against
from tests.integration.sources.files.test_hostile_copies import ENDS, HOSTILE, everything_but_the_workplace, send_and_check

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


def live_folder(folder: Path) -> Path:
    """Make a folder to be replaced, with a link in it that leads out."""
    target = folder / "servers" / "game"
    target.mkdir(parents=True)
    (target / "level.dat").write_bytes(b"what is there")
    (target / "out").symlink_to(folder)
    return target


def restore(tally: Tally, restoring: TreeRestoring, copy: TreeCopy, target: Path, what: str) -> None:
    """Send a copy to be restored, and note unless it is refused by what is wrong with it, with everything as it was."""
    before = everything_but_the_workplace(target.parents[1])
    restorer = restoring.restorer(copy, target, deadline=30)
    try:
        send_and_check(restorer, copy)
    except RestoreError as error:
        if error.reason not in ENDS:
            tally.lose(f"{what}: {error}")
    else:
        tally.accepted(f"{what}: it is not refused")
    if everything_but_the_workplace(target.parents[1]) != before or Path("/opt/evil").exists():
        tally.lose(f"{what}: it wrote outside")
    restorer.clean_up()
    if [path.name for path in target.parent.iterdir()] != [target.name]:
        tally.lose(f"{what}: something is left")


def test_hostile_archives_are_refused_by_a_restore_and_write_nowhere(tree_restoring: TreeRestoring, tmp_path: Path) -> None:
    target = live_folder(tmp_path)
    with scored(27, "each there is, restored", trials=len(HOSTILE)) as tally:
        names = sorted(HOSTILE)
        tally.chance.shuffle(names)
        for number in tally.each():
            restore(tally, tree_restoring, HOSTILE[names[number]](), target, names[number])


# ---- these trials can fail ----------------------------------------------------------------------------------------------------


def test_a_copy_that_is_not_refused_is_found_out(tree_restoring: TreeRestoring, tmp_path: Path) -> None:
    tally = stand_in_tally(27)
    restore(tally, tree_restoring, Folder().add("a").copy(), live_folder(tmp_path), "a harmless one")
    assert tally.bad_accepted
    assert not tally.lost


def test_a_verdict_that_overlooks_what_failed_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "verdict", lambda _: RecordName.VERIFIED)
    room, hostile = ArchiveRoom(tmp_path), ALL[sorted(ALL)[0]]
    taken = hostile.make()
    outcome = room.judge(room.put_archive(taken, beside=hostile.beside(taken) if hostile.beside else None))
    assert outcome.verdict is RecordName.VERIFIED
