"""Faults 12, 13 and 14: stored objects rot, are cut or vanish after they were verified."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from fleetsave.model.errors import RecoveryRefusedError
from fleetsave.model.fleet import Fleet
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.recovery_records import RecoveryRequest
from fleetsave.model.slots import Slot
from fleetsave.model.watch import ProblemKind
from fleetsave.planning.selection import select
from fleetsave.verify import verdict
from fleetsave.verify.room import verify
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.archive_pieces import game_folder
from tests.fixtures.catalog_world import FLEET as WORLDS_FLEET
from tests.fixtures.catalog_world import HOUR, VERSIONS, CatalogWorld
from tests.fixtures.stored_archives import ArchiveRoom, assemble
from tests.fixtures.stored_backups import NOON, Room, judged, make_database

pytestmark = FINISHES
WAYS = ["database, zstd", "database, plain", "archive"]
SSH = {"host": "localhost", "user": "backup", "host_keys": ["ssh-ed25519 AAAA"], "key_secret": "fleetsave/ssh/read-one"}
FLEET = Fleet.model_validate(
    {
        "servers": [
            {"id": "server_001", "ssh": SSH, "databases": [{"path": "/srv/game/world.db"}], "files": [{"path": "/srv/game"}]}
        ]
    }
)
OLDER = Slot(NOON.at.replace(hour=6))


@dataclass
class Shelf:
    """Two verified backups of one artifact, of which the newer one is to be damaged."""

    room: Room
    older: BackupKey
    newer: BackupKey

    def fresh(self) -> bytes:
        """Return the newer one's bytes."""
        return self.room.store.get(self.newer.text)


def shelf(folder: Path, way: str) -> Shelf:
    """Return two backups of a kind, both verified."""
    if way == "archive":
        room: Room = ArchiveRoom(folder)
        taken = assemble(game_folder())
        keys = [room.put_archive(taken, slot=slot) for slot in (OLDER, NOON)]  # type: ignore[attr-defined]  # it is one
    else:
        room = Room(folder)
        compression = Compression.ZSTD if "zstd" in way else Compression.NONE
        path = make_database(folder / "world.db")
        keys = [room.put_database(path, slot=slot, compression=compression) for slot in (OLDER, NOON)]
    for key in keys:
        assert judged(verify(key, room.ports)).verdict is RecordName.VERIFIED
    return Shelf(room, keys[0], keys[1])


def read_again(tally: Tally, shelf: Shelf, damaged: bytes, told: str) -> None:
    """Put damaged bytes there, let the rolling re-read come, and ask for a recovery; then put it all back as it was."""
    room, key, sound = shelf.room, shelf.newer, shelf.fresh()
    room.store.replace(key.text, damaged)
    before = {info.key for info in room.store.list("catalog/")}
    outcome = judged(verify(key, room.ports, force=True))
    if outcome.verdict is not RecordName.REJECTED:
        tally.accepted(f"{told}: {outcome.verdict}")
    request = RecoveryRequest("server_001", key.artifact_id.kind, "server_001", "a test", "0" * 64)
    chosen = select(request, FLEET, room.catalog).key
    if chosen != shelf.older:
        tally.lose(f"{told}: a recovery takes {chosen}")
    room.store.replace(key.text, sound)
    for info in list(room.store.list("catalog/")):
        if info.key not in before:
            room.store.delete(info.key)


@pytest.mark.parametrize("way", WAYS)
def test_a_bit_flips(tmp_path: Path, way: str) -> None:
    with scored(12, way, share=len(WAYS)) as tally:
        there = shelf(tmp_path, way)
        for number in tally.each():
            body = bytearray(there.fresh())
            place = tally.chance.randrange(len(body) * 8)
            body[place // 8] ^= 1 << place % 8
            read_again(tally, there, bytes(body), f"trial {number}, bit {place}")
        assert judged(verify(there.newer, there.room.ports, force=True)).verdict is RecordName.VERIFIED


@pytest.mark.parametrize("way", WAYS)
def test_an_object_is_cut_or_empty(tmp_path: Path, way: str) -> None:
    with scored(13, way, share=len(WAYS)) as tally:
        there = shelf(tmp_path, way)
        for number in tally.each():
            body = there.fresh()
            cuts = [0, 1, len(body) - 1, len(body) // 4096 * 4096 - 4096, tally.chance.randrange(len(body))]
            left = max(0, cuts[number] if number < len(cuts) else tally.chance.choice(cuts[-2:]))
            read_again(tally, there, body[:left], f"trial {number}, {left} of {len(body)} bytes left")


def test_an_object_vanishes(tmp_path: Path) -> None:
    longest = timedelta(0)
    with scored(14, "told by the watchdog, rejected by verify, another chosen") as tally:
        for number in tally.each():
            folder = tmp_path / str(number)
            folder.mkdir()
            longest = max(longest, vanish(tally, CatalogWorld(folder), f"trial {number}"))
        tally.seen["longest hours until it was told"] = longest / HOUR


def vanish(tally: Tally, world: CatalogWorld, told: str) -> timedelta:
    """Back a few hours up, lose the newest object, and see what a recovery takes; return after how long it was told."""
    for _ in range(tally.chance.randint(2, 4)):
        world.now += HOUR
        world.server.version = tally.chance.randrange(VERSIONS)
        world.schedule()
        deliver(world)
    *_, older, newest = world.stored_keys()
    world.vanish(newest)
    vanished_at = world.now
    while not told_of(world, newest):
        if world.now - vanished_at > timedelta(days=1):
            tally.lose(f"{told}: the watchdog has not told of it within a day")
            return timedelta(days=1)
        world.now += timedelta(minutes=15)
        world.look()
        world.jobs.clear()  # nothing newer is captured meanwhile
    told_after = world.now - vanished_at
    repairs = deliver_events(world)
    if not world.has(newest.record_key(RecordName.REJECTED)):
        tally.accepted(f"{told}: no record says that it is rejected; {world.refusals[-1:]}")
    request = RecoveryRequest("alpha", Kind.DATABASE, "alpha", "a test", "0" * 64)
    named = replace(request, backup_key=newest.text)
    if select(request, WORLDS_FLEET, world.catalog).key != older:
        tally.lose(f"{told}: a recovery takes another than the newest one that is left")
    try:
        select(named, WORLDS_FLEET, world.catalog)
    except RecoveryRefusedError:
        pass
    else:
        tally.accepted(f"{told}: a recovery takes what is not there")
    world.jobs.extend(repairs)
    deliver(world)
    return told_after


def told_of(world: CatalogWorld, key: BackupKey) -> bool:
    """Tell whether the last look found that the object of a record is gone."""
    found = world.reports[-1].problems if world.reports else ()
    return any(one.kind is ProblemKind.RECORD_WITHOUT_OBJECT and key.text in str(one) for one in found)


def deliver(world: CatalogWorld) -> None:
    """Let everything that is queued be done, and what comes of it."""
    while world.jobs or world.events:
        jobs, world.jobs = world.jobs, []
        for job in jobs:
            world.collect(job)
        world.jobs.extend(deliver_events(world))


def deliver_events(world: CatalogWorld) -> list[Job]:
    """Let all that waits be judged; return the jobs that come of it."""
    events, world.events = world.events, []
    for key, force in events:
        world.verify(key, force=force)
    jobs, world.jobs = world.jobs, []
    return jobs


# ---- these trials can fail ----------------------------------------------------------------------------------------------------


def test_a_verdict_that_overlooks_what_failed_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = shelf(tmp_path, WAYS[0])
    monkeypatch.setattr(verdict, "verdict", lambda _: RecordName.VERIFIED)
    tally = Tally(FAULTS[13], "", 1, 7, Random(7))
    read_again(tally, there, b"", "nothing is left")
    assert tally.bad_accepted
    assert tally.lost
