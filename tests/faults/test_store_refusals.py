"""Faults 9, 10 and 11: a real store behind a proxy answers errors, loses its answers, or lies."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from botocore.retries.standard import ExponentialBackoff

from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.history import State
from fleetsave.model.keys import RecordName
from fleetsave.settings import Provider
from fleetsave.store import profiles
from fleetsave.store.base import ObjectStore
from fleetsave.store.s3 import S3Store
from fleetsave.verify import verdict
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures import catalog_world
from tests.fixtures.catalog_promises import Promises
from tests.fixtures.catalog_world import HOUR, VERSIONS, CatalogWorld
from tests.fixtures.s3_proxy import Asked, Mischief, S3Proxy

pytestmark = FINISHES
BUCKET = "backups"
ROOTS = ("servers/", "catalog/", "state/", "recoveries/")


Stores = tuple[S3Store, S3Store]
_Result = TypeVar("_Result")


class ProxiedWorld(CatalogWorld):
    """A world whose rooms reach a real store through the proxy; `store` is the same one, reached straight."""

    def __init__(self, scratch: Path, straight: S3Store, through: S3Store) -> None:
        self._straight = straight
        self._through = through
        super().__init__(scratch)

    def __post_init__(self) -> None:
        self.store = self._straight  # type: ignore[assignment]  # a real store in the place of the one in memory
        for root in ROOTS:
            for info in list(self.store.list(root)):
                self.store.delete(info.key)
            for upload in list(self.store.list_uploads(root)):
                self.store.abort_upload(upload.key, upload.upload_id)
        write_fleet(self.store, catalog_world._FLEET)
        self.now = self.store.now()

    def _work(self, work: Callable[[ObjectStore], _Result]) -> _Result | None:
        try:
            return work(self._through)
        except FleetsaveError as error:
            self.refusals.append(str(error))
            return None


@pytest.fixture(scope="module")
def proxy(seaweedfs_server: SeaweedFS) -> Iterator[S3Proxy]:
    with S3Proxy(seaweedfs_server.port("s3")).running() as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_made_yet(proxy: S3Proxy) -> None:
    """Let each test count its own mischief."""
    proxy.made.clear()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the SDK try as often as ever, but at once."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.001)


@pytest.fixture(scope="module")
def stores(proxy: S3Proxy, seaweedfs_server: SeaweedFS) -> Stores:
    """The bucket reached straight, and through the proxy."""
    pair = seaweedfs_server.credentials()
    client = profiles.client(
        Provider.PORTABLE, endpoint=proxy.endpoint, region=seaweedfs_server.region,
        access_key_id=pair.access_key_id, secret_access_key=pair.secret_access_key,
    )  # fmt: skip
    one, other = (S3Store(each, BUCKET, conditional_writes=False) for each in (seaweedfs_server.client(), client))
    return one, other


def new_world(proxy: S3Proxy, stores: Stores, scratch: Path) -> ProxiedWorld:
    """Return a world in an emptied bucket."""
    proxy.mischief = lambda _: None
    return ProxiedWorld(scratch, *stores)


class Bursts:
    """Mischief that comes in bursts of requests: `odds` of a request beginning one, each as long as chance has it."""

    def __init__(self, chance: Random, kinds: Sequence[Mischief]) -> None:
        self._chance = chance
        self._kinds = kinds
        self._odds = chance.choice([0.05, 0.2, 0.5, 0.9, 1.0])
        self._left = 0

    def __call__(self, _: Asked) -> Mischief | None:
        if self._left <= 0 and self._chance.random() < self._odds:
            self._left = self._chance.randint(1, 8)
        self._left -= 1
        return self._chance.choice(self._kinds) if self._left >= 0 else None


def left_open(world: ProxiedWorld) -> list[str]:
    """Return the uploads that lie open after the next slot too: of two that were begun, for a reply was lost, it aborts one."""
    if list(world.store.list_uploads("servers/")):
        world.now += HOUR
        world.schedule()
        while world.jobs:
            world.collect(world.jobs.pop())
    return [upload.key for upload in world.store.list_uploads("servers/")]


def back_up_through(tally: Tally, proxy: S3Proxy, world: ProxiedWorld, kinds: Sequence[Mischief], told: str) -> None:
    """Back up, verify and prune with mischief made, and see what stands; then without, as the queue does again."""
    promises = Promises(world)
    world.server.version = tally.chance.randrange(VERSIONS)
    world.schedule()
    job = world.jobs.pop()
    proxy.mischief = Bursts(tally.chance, kinds)
    for _ in range(3):
        world.collect(job)
        for key in list(world.stored_keys()):
            world.verify(key)
    world.prune()
    proxy.mischief = lambda _: None
    for broken in promises.broken():
        tally.accepted(f"{told}: {broken}")
    world.jobs.append(job)
    for _ in range(4):
        jobs, world.jobs = world.jobs, []
        for one in jobs:
            world.collect(one)
        for key in world.stored_keys():
            world.verify(key)
    for broken in promises.broken():
        tally.accepted(f"{told}: {broken}")
    if State.VERIFIED not in world.states().values():
        tally.lose(f"{told}: nothing verified after the fault has passed; {world.refusals[-2:]}")
    if left := left_open(world):
        tally.lose(f"{told}: {len(left)} uploads left open")


ROWS = {
    9: (Mischief.REFUSED, Mischief.BROKEN),
    10: (Mischief.CUT_AFTER, Mischief.CUT_BEFORE, Mischief.CUT_BODY),
    11: (Mischief.OTHER_ETAG, Mischief.SWALLOWED, Mischief.OTHER_BYTES, Mischief.SHORT_BODY),
}


@pytest.mark.parametrize("row", [9, 10])
def test_errors_and_lost_answers(row: int, proxy: S3Proxy, stores: Stores, tmp_path: Path) -> None:
    with scored(row, "backup, verify and prune, then again without") as tally:
        for number in tally.each():
            world = new_world(proxy, stores, tmp_path)
            back_up_through(tally, proxy, world, ROWS[row], f"trial {number}")
        tally.seen |= {kind.value: count for kind, count in proxy.made.items()}


def lie(tally: Tally, proxy: S3Proxy, world: ProxiedWorld, told: str) -> None:
    """Back up and verify while the store lies about data; nothing may be called verified that is not whole."""
    chance, promises = tally.chance, Promises(world)
    kind = chance.choice(ROWS[11])
    reads = kind in (Mischief.OTHER_BYTES, Mischief.SHORT_BODY)
    verbs = ("GET",) if reads else ("PUT", "POST", "HEAD")

    def mischief(asked: Asked) -> Mischief | None:
        is_meant = asked.key.startswith("servers/") and asked.method in verbs and "uploads" not in asked.query
        return kind if is_meant else None

    world.schedule()
    job = world.jobs.pop()
    if reads:
        world.collect(job)
    proxy.mischief = mischief
    if not reads:
        world.collect(job)
    before = sum(proxy.made.values())
    for key in world.stored_keys():
        world.verify(key)
    if reads and sum(proxy.made.values()) > before and State.VERIFIED in world.states().values():
        tally.accepted(f"{told}: verified by bytes that are others ({kind})")
    proxy.mischief = lambda _: None
    for broken in promises.broken():
        tally.accepted(f"{told}, {kind}: {broken}")
    world.now += HOUR
    world.schedule()
    for one in world.jobs:
        world.collect(one)
    for key in world.stored_keys():
        world.verify(key)
    if State.VERIFIED not in world.states().values():
        tally.lose(f"{told}, {kind}: the next slot is not verified: {world.refusals[-2:]}")


def test_a_store_that_lies(proxy: S3Proxy, stores: Stores, tmp_path: Path) -> None:
    with scored(11, "ETags, 200 without storing, other bytes, short bodies") as tally:
        for number in tally.each():
            lie(tally, proxy, new_world(proxy, stores, tmp_path), f"trial {number}")
        tally.seen |= {kind.value: count for kind, count in proxy.made.items()}


# ---- these trials can fail ----------------------------------------------------------------------------------------------------


def test_a_verdict_that_overlooks_what_failed_is_found_out(
    proxy: S3Proxy, stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "verdict", lambda _: RecordName.VERIFIED)
    tally = Tally(FAULTS[11], "", 1, 7, Random(7))
    for number in range(4):
        lie(tally, proxy, new_world(proxy, stores, tmp_path), f"trial {number}")
    assert tally.bad_accepted


@pytest.mark.parametrize("row", [9, 10])
def test_a_job_that_does_not_come_again_is_found_out(
    row: int, proxy: S3Proxy, stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProxiedWorld, "collect", lambda *_: None)
    tally = Tally(FAULTS[row], "", 1, 7, Random(7))
    back_up_through(tally, proxy, new_world(proxy, stores, tmp_path), ROWS[row], "nobody collects")
    assert tally.lost
