"""Fault 23 on a real store: prune through a proxy that empties, cuts or thins out the pages of its listings."""

from random import Random

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.slots import Slot
from fleetsave.prune import server as prune_server
from fleetsave.prune.deletion import Deletion
from fleetsave.prune.room import prune
from fleetsave.store.s3 import S3Store
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.s3_proxy import Asked, Mischief, S3Proxy
from tests.fixtures.stores_behind_proxy import AT_ONCE, both_ways
from tests.unit.prune.bucket import BODY, DAY, fleet, key_of, stored, verdict

pytestmark = FINISHES
BUCKET = "listings"
WAYS = (Mischief.EMPTY_LISTING, Mischief.CUT_LISTING, Mischief.LOST_PAGE)


@pytest.fixture(scope="module")
def stores(s3_proxy: S3Proxy, seaweedfs_server: SeaweedFS) -> tuple[S3Store, S3Store]:
    """The bucket reached straight, and through the proxy in pages of three."""
    seaweedfs_server.create_bucket(BUCKET)
    return both_ways(seaweedfs_server, s3_proxy, BUCKET, page_size=3)


def fill(store: S3Store, tally: Tally) -> tuple[list[BackupKey], BackupKey]:
    """Put backups of one artifact into an emptied bucket, some pinned; return those that must stay, and the newest of all."""
    for root in ("servers/", "catalog/"):
        for info in list(store.list(root)):
            store.delete(info.key)
    slots = [store.now() - DAY * number for number in range(1, tally.chance.randint(3, 6))]
    keys = [BackupKey(key_of(DAY).artifact_id, Slot(at), key_of(DAY).compression) for at in slots]
    pinned = [key for key in keys if tally.chance.random() < 0.2]
    catalog = Catalog(store)
    for key in keys:
        store.put(key.text, BODY)
        catalog.append(key, RecordName.STORED, stored(key))
        catalog.append(key, RecordName.VERIFIED, verdict(key, RecordName.VERIFIED))
    for key in pinned:
        store.put(key.record_key(RecordName.PINNED), b"{}")
    return [*pinned, keys[0]], keys[0]


def prune_through(tally: Tally, way: Mischief, proxy: S3Proxy, stores: tuple[S3Store, S3Store]) -> int:
    """Prune by listings that are damaged now and then; return how many backups went."""
    straight, through = stores
    proxy.mischief = lambda _: None
    must_stay, newest = fill(straight, tally)
    before = {info.key for info in straight.list("servers/")}
    odds = tally.chance.choice([0.2, 0.5, 1.0])

    def mischief(asked: Asked) -> Mischief | None:
        return way if asked.is_listing and tally.chance.random() < odds else None

    made = proxy.made.total()
    proxy.mischief = mischief
    prune(
        store=through, catalog=Catalog(through), fleet=fleet(), default_keep_for=AT_ONCE, now=straight.now(), execute=True,
        concurrency=1,
    )  # fmt: skip
    proxy.mischief = lambda _: None
    if proxy.made.total() == made:
        tally.miss()
    left = {info.key for info in straight.list("servers/")}
    for key in must_stay:
        if key.text not in left:
            tally.lose(f"{way}: {key} was {'the newest verified' if key == newest else 'pinned'}, and is gone")
    for text in before - left:
        if not Catalog(straight).has(BackupKey.parse(text), RecordName.PRUNED):
            tally.lose(f"{way}: {text} is gone without a record")
    return len(before - left)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_that_must_stay_goes_by_half_a_listing(
    way: Mischief, s3_proxy: S3Proxy, stores: tuple[S3Store, S3Store]
) -> None:  # fmt: skip
    with scored(23, f"a real store, {way}", share=5, trials=50) as tally:
        tally.seen["deleted, as they might be"] = sum(prune_through(tally, way, s3_proxy, stores) for _ in tally.each())


def test_a_prune_that_believes_every_listing_is_found_out(
    s3_proxy: S3Proxy, stores: tuple[S3Store, S3Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Deletion, "changed_since_listed", lambda *_: None)
    monkeypatch.setattr(prune_server, "find_doubt", lambda *_: None)
    tally = Tally(FAULTS[23], "", 1, 7, Random(7))
    trials = 0
    while not tally.lost and trials < 60:
        prune_through(tally, Mischief.LOST_PAGE, s3_proxy, stores)
        trials += 1
    assert tally.lost
