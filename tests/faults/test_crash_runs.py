"""Faults 18 and 19: the time is up at any point of an upload, and every call of collect and verify fails or is the last."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.collect import state as collect_state
from fleetsave.collect import upload
from fleetsave.collect.room import collect
from fleetsave.dispatch.room import dispatch
from fleetsave.model.errors import CaptureError, FleetsaveError, TransportError
from fleetsave.model.history import State
from fleetsave.model.jobs import Job
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from fleetsave.store.upload import upload_stream
from fleetsave.verify.ports import Ports as VerifyPorts
from fleetsave.verify.room import verify
from tests.fakes.job_queue import RecordingAnnouncer, RecordingQueue
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.catalog_promises import Promises
from tests.fixtures.catalog_world import ARTIFACT, FLEET, HOUR, START, VERSIONS, CatalogWorld
from tests.fixtures.nth_call import NthCall, every_call

pytestmark = FINISHES
JOB = Job(ARTIFACT, Slot.floor(START, HOUR))


@contextmanager
def new_world() -> Iterator[CatalogWorld]:
    with TemporaryDirectory() as scratch:
        yield CatalogWorld(Path(scratch))


def cut_off(name: str) -> FleetsaveError:
    """Return the error of a connection that ends."""
    return TransportError(name, "alpha", "the connection was lost", "Wait.", retryable=True)


def collect_by(world: CatalogWorld, nth_call: NthCall) -> object:
    """Collect with every port counted."""
    queue, announcer = RecordingQueue(), RecordingAnnouncer()
    store = nth_call.wrap(world.store)
    ports = world.collect_ports(store, nth_call.wrap(queue), nth_call.wrap(announcer))
    server = nth_call.wrap(world.server, cut_off)
    return collect(JOB, replace(ports, open_source=lambda _: server))


def verify_by(world: CatalogWorld, nth_call: NthCall) -> object:
    """Verify with every port counted."""
    store = nth_call.wrap(world.store)
    ports = VerifyPorts(
        store, Catalog(store), nth_call.wrap(RecordingQueue()), world.scratch, lambda: world.now, lambda: 60.0
    )  # fmt: skip
    return verify(world.stored_keys()[0], ports)


def judge(tally: Tally, world: CatalogWorld, told: str) -> None:
    """Deliver the same messages again, and note unless all is as after an undisturbed run."""
    for broken in Promises(world).broken():
        tally.accepted(f"{told}, before it is done again: {broken}")
    world.collect(JOB)
    for key in world.stored_keys():
        world.verify(key)
    if list(world.states().values()) != [State.VERIFIED] or len(world.stored_keys()) != 1:
        tally.lose(f"{told}: {world.states()}; {world.refusals[-1:]}")
    if sorted(info.key.rpartition("/")[2] for info in world.store.list("catalog/")) != ["stored.json", "verified.json"]:
        tally.lose(f"{told}: other records than those of one run")
    if list(world.store.list_uploads("")):
        tally.lose(f"{told}: an upload is left open")
    if not all(snapshot.released for snapshot in world.server.snapshots.values()):
        tally.lose(f"{told}: a snapshot is left on the server")
    for broken in Promises(world).broken():
        tally.accepted(f"{told}: {broken}")


@pytest.mark.parametrize("room", ["collect", "verify"])
def test_every_call_goes_wrong_once(room: str) -> None:
    run = {"collect": collect_by, "verify": verify_by}[room]
    with scored(19, f"{room}: every call fails, loses its reply, or is the last", trials=1) as tally:
        worlds: list[CatalogWorld] = []
        folders: list[TemporaryDirectory[str]] = []

        def disturbed(nth_call: NthCall) -> object:
            folders.append(TemporaryDirectory())
            worlds.append(world := CatalogWorld(Path(folders[-1].name)))
            if room == "verify":
                world.collect(JOB)
            return run(world, nth_call)

        for nth_call in every_call(disturbed):
            judge(tally, worlds[-1], f"{nth_call.calls[nth_call.nth - 1]}, call {nth_call.nth}, {nth_call.way}")
            tally.made += 1
        for folder in folders:
            folder.cleanup()
        tally.seen["points"] = tally.made


def test_every_call_of_dispatch_goes_wrong_once() -> None:
    with scored(19, "dispatch: its call of the queue", trials=1) as tally:
        queues: list[RecordingQueue] = []

        def disturbed(nth_call: NthCall) -> object:
            queues.append(RecordingQueue())
            return dispatch(Kind.DATABASE, JOB.slot, fleet=FLEET, queue=nth_call.wrap(queues[-1]))

        for nth_call in every_call(disturbed):
            again = dispatch(Kind.DATABASE, JOB.slot, fleet=FLEET, queue=queues[-1])
            if {job.to_json() for job in queues[-1].jobs} != {job.to_json() for job in again}:
                tally.lose(f"{nth_call.way}: other jobs than those of one run")
            tally.made += 1


def hand_on(tally: Tally, world: CatalogWorld) -> int:
    """Let the time be up after any frame, again and again, until the upload is done; return after how many runs."""
    chance = tally.chance
    world.server.version = chance.randrange(VERSIONS)
    jobs, runs = [JOB], 0
    while jobs:
        queue, announcer = RecordingQueue(), RecordingAnnouncer()
        left = [chance.randint(1, 9)]

        def is_near(left: list[int] = left) -> bool:
            left[0] -= 1
            return left[0] < 0

        ports = replace(world.collect_ports(world.store, queue, announcer), is_near_deadline=is_near)
        job = jobs.pop()
        try:
            collect(job, ports)
        except CaptureError as error:  # a whole run without one part: it is captured again
            jobs.extend([job] if error.retryable else [])
        jobs.extend(queue.jobs)
        runs += 1
        if runs > 60:
            tally.lose("it never comes to its end")
            return runs
    judge(tally, world, f"{runs} runs")
    return runs


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uploads have many parts."""
    monkeypatch.setattr(upload, "upload_stream", partial(upload_stream, part_size=2 << 10, frame_size=2 << 10))


@pytest.mark.usefixtures("small_parts")
def test_the_time_is_up_in_the_middle_of_an_upload() -> None:
    most = 0
    with scored(18, "after any frame, run after run") as tally:
        for _ in tally.each():
            with new_world() as world:
                runs = hand_on(tally, world)
                most = max(most, runs)
                if runs == 1:
                    tally.miss()
        tally.seen["most runs for one upload"] = most
    assert most > 2


# ---- these trials can fail ----------------------------------------------------------------------------------------------------


def test_a_collect_that_forgets_how_far_it_was_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect_state.StateFile, "save_transfer", lambda *_, **__: None, raising=False)
    tally = Tally(FAULTS[19], "", 1, 7, Random(7))
    worlds: list[CatalogWorld] = []
    with TemporaryDirectory() as scratch:

        def disturbed(nth_call: NthCall) -> object:
            worlds.append(world := CatalogWorld(Path(scratch)))
            return collect_by(world, nth_call)

        for nth_call in every_call(disturbed):
            judge(tally, worlds[-1], nth_call.way)
    assert tally.lost
