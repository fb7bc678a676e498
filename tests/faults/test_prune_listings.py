"""Fault 23: prune by a listing that is empty, cut or lacks a page deletes nothing that it would otherwise keep."""

from collections.abc import Iterator
from random import Random

import pytest

from fleetsave.prune import server as prune_server
from fleetsave.prune.deletion import Deletion
from fleetsave.store.base import ObjectInfo
from tests.fakes.memory_store import MemoryStore
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.prune_catalogs import Held, fill
from tests.unit.prune.bucket import Bucket
from tests.unit.prune.runs import run

pytestmark = FINISHES
WAYS = ("empty", "cut", "one page lost")


class Paged(MemoryStore):
    """The same objects as `whole`, listed in pages, of which some are lost in the listings that chance picks."""

    def __init__(self, whole: MemoryStore, way: str, chance: Random) -> None:
        super().__init__()
        self.__dict__.update(whole.__dict__)
        self._way = way
        self._chance = chance
        self._odds = chance.choice([0.3, 1.0])
        self.is_damaged = False

    def list(self, prefix: str, *, start_after: str | None = None) -> Iterator[ObjectInfo]:
        """List what is left of the pages."""
        infos = sorted(super().list(prefix, start_after=start_after), key=lambda info: info.key)
        if self._chance.random() > self._odds:
            return iter(infos)
        size = self._chance.randint(1, 6)
        pages = [infos[start : start + size] for start in range(0, len(infos), size)]
        place = self._chance.randrange(len(pages)) if pages else 0
        left = {"empty": [], "cut": pages[:place], "one page lost": pages[:place] + pages[place + 1 :]}[self._way]
        self.is_damaged |= len(left) < len(pages)
        return iter([info for page in left for info in page])


def prune_by_half_a_listing(tally: Tally, way: str) -> int:
    """Prune one catalog by whole listings and its twin by damaged ones; return how many those deleted."""
    seed = tally.chance.randrange(1 << 32)
    whole, twin = Bucket(), Bucket()
    for bucket in (whole, twin):
        fill(bucket, Random(seed))
    run(whole)
    held = Held(twin)
    paged = Paged(twin.store, way, Random(seed))
    run(twin, store=paged)
    if not paged.is_damaged:
        tally.miss()
    for key in held.gone():
        if key.text in whole.data():
            tally.lose(f"seed {seed}: {key} went by a listing that is {way}, and stays by a whole one")
    for broken in held.broken():
        tally.lose(f"seed {seed}, {way}: {broken}")
    return len(held.gone())


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_deleted_by_half_a_listing(way: str) -> None:
    with scored(23, way, share=len(WAYS)) as tally:
        tally.seen["deleted, as by a whole listing"] = sum(prune_by_half_a_listing(tally, way) for _ in tally.each())


def test_a_prune_that_believes_every_listing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Deletion, "changed_since_listed", lambda *_: None)
    monkeypatch.setattr(prune_server, "find_doubt", lambda *_: None)
    tally = Tally(FAULTS[23], "", 1, 7, Random(7))
    for way in WAYS:
        for _ in range(40):
            prune_by_half_a_listing(tally, way)
    assert tally.lost
