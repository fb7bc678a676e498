"""Faults 15, 16 and 17: events come many times, in any order, or not at all."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from fleetsave.catalog.catalog import Catalog, Record, _adapter
from fleetsave.model.history import State
from fleetsave.model.jobs import Job
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.slots import Slot
from fleetsave.verify import room as verify_room
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.catalog_promises import Promises
from tests.fixtures.catalog_world import ARTIFACT, HOUR, START, VERSIONS, CatalogWorld
from tests.fixtures.doors import Doors, created

pytestmark = FINISHES
Patch = pytest.MonkeyPatch
LOOK = timedelta(minutes=15)


@contextmanager
def new_world() -> Iterator[CatalogWorld]:
    with tempfile.TemporaryDirectory() as scratch:
        yield CatalogWorld(Path(scratch))


def tally_of(number: int) -> Tally:
    """Return a tally that is not kept, for showing that a trial can fail."""
    return Tally(FAULTS[number], "", 1, 7, Random(7))


def job_of(hours: int = 0) -> Job:
    return Job(ARTIFACT, Slot.floor(START + hours * HOUR, HOUR))


def judge_once(tally: Tally, world: CatalogWorld, told: str) -> None:
    """Note unless there is one backup, with one record of being stored and one verdict, and it is whole."""
    records = sorted(info.key.rpartition("/")[2] for info in world.store.list("catalog/"))
    if records != ["stored.json", "verified.json"] or len(world.stored_keys()) != 1:
        tally.lose(f"{told}: {records}")
    for broken in Promises(world).broken():
        tally.accepted(f"{told}: {broken}")


def deliver_many_times(tally: Tally, world: CatalogWorld, doors: Doors) -> None:
    """Give each message from 2 to 10 times to its door, in batches of any size; time goes by between two batches."""
    promises = Promises(world)
    chance = tally.chance
    left = [job_of().to_json()] * chance.randint(2, 10)
    while left:
        size = chance.randint(1, len(left))
        if doors.collect(left[:size]):
            tally.lose("a duplicate of a job failed")
        left = left[size:]
        keys = doors.announcer.keys
        if doors.verify([created(key) for key in keys for _ in range(chance.randint(1, 3))]):
            tally.lose("a duplicate of an event failed")
        for broken in promises.broken():
            tally.lose(broken)
        world.now += timedelta(seconds=1)
    if world.server.captures != 1:
        tally.lose(f"{world.server.captures} captures of one slot")


def test_events_that_come_many_times(monkeypatch: Patch) -> None:
    with scored(15, "through the doors, in batches", share=2) as tally:
        for number in tally.each():
            with new_world() as world, monkeypatch.context() as patch:
                deliver_many_times(tally, world, Doors(world, patch))
                judge_once(tally, world, f"trial {number}")


def test_events_that_come_many_times_at_once() -> None:
    with scored(15, "one event by 2 to 10 verifiers at once", share=2) as tally, ThreadPoolExecutor(10) as pool:
        for number in tally.each():
            with new_world() as world:
                world.collect(job_of())
                key = world.stored_keys()[0]
                runs = [pool.submit(world.verify, key) for _ in range(tally.chance.randint(2, 10))]
                for run in runs:
                    run.result()
                judge_once(tally, world, f"trial {number}")


def history(chance: Random | None, rotten: int) -> dict[str, set[str]]:
    """Let four slots be captured and judged, in order or in any, each event up to thrice; return the records of each backup."""
    with new_world() as world:
        jobs = [job_of(hours) for hours in range(4)]
        keys = [BackupKey.parse(f"servers/alpha/database/alpha_{job.slot.text}_database.db.zst") for job in jobs]
        deliveries = [*((job, None) for job in jobs), *((None, key) for key in keys)]
        if chance is not None:
            deliveries = [one for one in deliveries for _ in range(chance.randint(1, 3))]
            chance.shuffle(deliveries)
        deliveries += [(None, key) for key in keys]
        for job, key in deliveries:
            if job is not None:
                is_new = not world.has(keys[jobs.index(job)].text)
                world.collect(job)
                if is_new and jobs.index(job) == rotten:
                    world.rot(keys[rotten], 999)
            if key is not None:
                world.verify(key)
        found: dict[str, set[str]] = {}
        for info in world.store.list("catalog/"):
            key_text, _, name = info.key.rpartition("/")
            found.setdefault(key_text, set()).add(name)
        return found


def test_events_in_any_order_leave_the_same_catalog() -> None:
    in_order = {rotten: history(None, rotten) for rotten in range(5)}
    assert sum("rejected.json" in names for names in in_order[2].values()) == 1
    assert sum("verified.json" in names for names in in_order[4].values()) == 4
    with scored(16) as tally:
        for number in tally.each():
            rotten = tally.chance.randrange(5)
            found = history(tally.chance, rotten)
            if found != in_order[rotten]:
                tally.lose(f"trial {number}, rotten {rotten}: {found}")


def newest_verified(world: CatalogWorld) -> BackupKey | None:
    return max((key for key, state in world.states().items() if state is State.VERIFIED), default=None)


def deliver_all(world: CatalogWorld) -> None:
    """Let everything that is queued be done, and what comes of it."""
    while world.jobs or world.events:
        jobs, world.jobs = world.jobs, []
        for job in jobs:
            world.collect(job)
        events, world.events = world.events, []
        for key, force in events:
            world.verify(key, force=force)


def lose_and_look(tally: Tally, what: str, *, looks: int = 8) -> timedelta | None:
    """Lose one message of an hour, and let the watchdog look every 15 minutes; return after how long the backup was verified."""
    chance = tally.chance
    with new_world() as world:
        for _ in range(chance.randint(1, 3)):  # hours in which all went well, and the watchdog looked
            world.server.version = chance.randrange(VERSIONS)
            world.schedule()
            deliver_all(world)
            world.now += HOUR
            world.look()
        due = world.now
        world.schedule()
        job = world.jobs.pop()
        if what == "event":
            world.collect(job)
            world.events.clear()
        world.now += timedelta(seconds=chance.randrange(15 * 60))
        for _ in range(looks):
            world.look()
            deliver_all(world)
            found = newest_verified(world)
            if found is not None and found.slot == job.slot:
                break
            world.now += LOOK
        else:
            return None
        for broken in Promises(world).broken():
            tally.accepted(broken)
        return world.now - due


@pytest.mark.parametrize("what", ["job", "event"])
def test_a_lost_message_is_made_up_for_by_the_watchdog(what: str) -> None:
    longest = timedelta(0)
    with scored(17, f"the {what} of a slot is lost", share=2) as tally:
        for number in tally.each():
            after = lose_and_look(tally, what)
            if after is None:
                tally.lose(f"trial {number}: not verified after two hours")
            longest = max(longest, after or timedelta(0))
        tally.seen["longest minutes until it was verified"] = round(longest / timedelta(minutes=1), 1)


# ---- each of these trials can fail --------------------------------------------------------------------------------------------


def test_a_catalog_that_writes_records_over_is_found_out(monkeypatch: Patch, tmp_path: Path) -> None:
    def append(self: Catalog, key: BackupKey, name: RecordName, record: Record) -> bool:
        self._store.put(key.record_key(name), _adapter(name).dump_json(record))
        return True

    monkeypatch.setattr(Catalog, "append", append)
    monkeypatch.setattr(verify_room, "_standing_verdict", lambda *_: None)
    tally = tally_of(15)
    for _ in range(5):
        world = CatalogWorld(tmp_path)
        with monkeypatch.context() as patch:
            doors = Doors(world, patch)
            world.now += timedelta(seconds=tally.chance.randrange(100))
            deliver_many_times(tally, world, doors)
    assert tally.lost


def test_a_verifier_that_judges_before_there_is_a_record_is_found_out(monkeypatch: Patch) -> None:
    def early(self: Catalog, key: BackupKey, name: RecordName) -> bool:
        if name is RecordName.PRUNED and not has(self, key, RecordName.STORED):
            self._store.put(key.record_key(RecordName.REJECTED), b"{}")
        return has(self, key, name)

    has = Catalog.has
    in_order = history(None, 4)
    monkeypatch.setattr(Catalog, "has", early)
    assert any(history(Random(seed), 4) != in_order for seed in range(5))


def test_without_looks_what_is_lost_stays_lost() -> None:
    assert lose_and_look(tally_of(17), "job", looks=0) is None
    assert lose_and_look(tally_of(17), "event", looks=0) is None
