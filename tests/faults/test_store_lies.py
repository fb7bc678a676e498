"""Fault 11: a real store behind a proxy lies about data, about records, and about what collect remembers."""

from collections.abc import Callable
from functools import partial
from random import Random

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.collect import upload
from fleetsave.model.errors import CatalogError, ObjectNotFoundError
from fleetsave.model.history import State
from fleetsave.model.jobs import Job
from fleetsave.model.keys import RecordName
from fleetsave.model.slots import Slot
from fleetsave.model.watch import ProblemKind
from fleetsave.prune.deletion import Deletion
from fleetsave.store.upload import upload_stream
from fleetsave.verify import verdict
from fleetsave.watchdog import compare
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.catalog_promises import Promises
from tests.fixtures.catalog_world import ARTIFACT, HOUR, VERSIONS
from tests.fixtures.s3_proxy import Asked, Mischief
from tests.fixtures.stores_behind_proxy import ProxiedWorld

pytestmark = FINISHES
LIES = (Mischief.OTHER_ETAG, Mischief.SWALLOWED, Mischief.OTHER_BYTES, Mischief.SHORT_BODY)
OF_READING = (Mischief.OTHER_BYTES, Mischief.SHORT_BODY)
NewWorld = Callable[[], ProxiedWorld]


def let_lie(tally: Tally, world: ProxiedWorld, kind: Mischief, root: str, odds: float) -> None:
    """Let the store lie from now on about what is below a root, in so many of its answers."""
    verbs = ("GET",) if kind in OF_READING else ("PUT", "POST", "HEAD")

    def mischief(asked: Asked) -> Mischief | None:
        is_meant = asked.key.startswith(root) and asked.method in verbs and "uploads" not in asked.query
        return kind if is_meant and tally.chance.random() < odds else None

    world.proxy.where = tally.chance.random()
    world.proxy.mischief = mischief


def tell_the_truth(world: ProxiedWorld) -> None:
    world.proxy.mischief = lambda _: None


def verify_all(world: ProxiedWorld) -> None:
    for key in world.stored_keys():
        world.verify(key)


def lie_about_data(tally: Tally, world: ProxiedWorld, told: str) -> None:
    """Back up and verify while the store lies about data; nothing may be called verified that is not whole."""
    promises, before = Promises(world), world.proxy.made.total()
    kind = tally.chance.choice(LIES)
    world.schedule()
    job = world.jobs.pop()
    if kind in OF_READING:
        world.collect(job)
    let_lie(tally, world, kind, "servers/", odds=1)
    if kind not in OF_READING:
        world.collect(job)
    verify_all(world)
    tell_the_truth(world)
    if world.proxy.made.total() == before:
        tally.miss()
    elif kind in OF_READING and State.VERIFIED in world.states().values():
        tally.accepted(f"{told}: verified by bytes that are others ({kind})")
    for broken in promises.broken():
        tally.accepted(f"{told}, {kind}: {broken}")
    world.now += HOUR
    world.schedule()
    for one in world.jobs:
        world.collect(one)
    verify_all(world)
    if State.VERIFIED not in world.states().values():
        tally.lose(f"{told}, {kind}: the next slot is not verified: {world.refusals[-2:]}")


def job_of(world: ProxiedWorld, hours_ago: int) -> Job:
    return Job(ARTIFACT, Slot.floor(world.now - hours_ago * HOUR, HOUR))


def lie_about_records(tally: Tally, world: ProxiedWorld, told: str) -> None:
    """Let the store lie about records or states while all rooms work on two verified backups and a third one.

    Nothing may be called verified that is not whole, and no verified backup be lost; what cannot be read is told.
    """
    chance, promises = tally.chance, Promises(world)
    for hours_ago in (4, 3):
        world.collect(job_of(world, hours_ago))
        verify_all(world)
    for broken in promises.broken():
        tally.lose(f"{told}, before any lie: {broken}")
    before, kind, root = world.proxy.made.total(), chance.choice(LIES), chance.choice(["catalog/", "state/"])
    told = f"{told}, {kind} about {root}"
    world.server.version = chance.randrange(VERSIONS)
    world.pauses = chance
    let_lie(tally, world, kind, root, chance.choice([0.3, 1]))
    wrong: list[str] = []
    for _ in range(2):
        world.collect(job_of(world, 2))
        verify_all(world)
        wrong += promises.broken()
    world.look()
    world.prune()
    tell_the_truth(world)
    world.pauses = None
    if world.proxy.made.total() == before:
        tally.miss()
    elif kind is Mischief.SHORT_BODY and root == "catalog/" and not is_told(world):
        tally.lose(f"{told}: half a record was read, and nobody told of it")
    wrong += promises.broken()
    go_on(world)
    for one in dict.fromkeys([*wrong, *promises.broken()]):
        tally.accepted(f"{told}: {one}")
    newest = max((key for key, state in world.states().items() if state is State.VERIFIED), default=None)
    if newest is None or newest.slot < job_of(world, 1).slot:
        tally.lose(f"{told}: nothing later is verified: {newest}, {world.refusals[-2:]}")


def is_told(world: ProxiedWorld) -> bool:
    """Tell whether a room refused to go on, or the watchdog named what it could not read."""
    return bool(world.refusals) or any(one.kind is ProblemKind.UNREADABLE for report in world.reports for one in report.problems)


def go_on(world: ProxiedWorld) -> None:
    """Let the next slot come in truth."""
    world.jobs.append(job_of(world, 1))
    for _ in range(3):  # where an older slot was under way, it is finished first, and the job comes again
        jobs, world.jobs = world.jobs, []
        for job in jobs:
            world.collect(job)
    verify_all(world)


def test_a_store_that_lies_about_data(new_world: NewWorld) -> None:
    with scored(11, "ETags, 200 without storing, other bytes, short bodies", share=2) as tally:
        for number in tally.each():
            world = new_world()
            lie_about_data(tally, world, f"trial {number}")
        tally.seen |= {kind.value: count for kind, count in world.proxy.made.items()}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uploads have many parts, so that there is a state to go on from, and let the watchdog wait for no record or object."""
    monkeypatch.setattr(compare, "_SETTLED", -HOUR)
    monkeypatch.setattr(upload, "upload_stream", partial(upload_stream, part_size=2 << 10, frame_size=2 << 10))


@pytest.mark.usefixtures("hurried")
def test_a_store_that_lies_about_records_and_states(new_world: NewWorld) -> None:
    with scored(11, "the same lies about records, and about what collect remembers", share=2) as tally:
        for number in tally.each():
            world = new_world()
            lie_about_records(tally, world, f"trial {number}")
        tally.seen |= {kind.value: count for kind, count in world.proxy.made.items()}


# ---- these trials can fail ----------------------------------------------------------------------------------------------------


def tally_of(lie: Callable[[Tally, ProxiedWorld, str], None], new_world: NewWorld) -> Tally:
    """Return a tally that is not kept, of trials until one fails."""
    tally = Tally(FAULTS[11], "", 12, 7, Random(7))
    for number in tally.each():
        lie(tally, new_world(), f"trial {number}")
        if tally.bad_accepted or tally.lost:
            break
    return tally


def test_a_verdict_that_overlooks_what_failed_is_found_out(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "verdict", lambda _: RecordName.VERIFIED)
    assert tally_of(lie_about_data, new_world).bad_accepted


def test_a_catalog_that_takes_what_it_cannot_read_for_nothing_is_found_out(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Catalog._read

    def read_or_nothing(*given: object) -> object:
        try:
            return read(*given)  # type: ignore[arg-type]  # what it was given is handed on
        except CatalogError as error:
            raise ObjectNotFoundError("get", "a record", str(error), "") from None

    monkeypatch.setattr(Catalog, "_read", read_or_nothing)
    assert tally_of(lie_about_records, new_world).lost


@pytest.mark.usefixtures("hurried")
def test_a_prune_that_trusts_the_store_with_its_record_is_found_out(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    class Trusting(Catalog):
        def has(self, *_: object) -> bool:
            return True

    carry_out = Deletion.carry_out
    monkeypatch.setattr(Deletion, "carry_out", lambda one, store, _, now: carry_out(one, store, Trusting(store), now))
    monkeypatch.setattr(f"{__name__}.LIES", (Mischief.SWALLOWED,))
    assert tally_of(lie_about_records, new_world).bad_accepted
