"""What a run of prune takes for each server is the same in a fleet of any size and after any number of years."""

import gc
import weakref
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import FleetsaveError
from fleetsave.prune import server
from fleetsave.prune.inventory import Inventory, take
from fleetsave.prune.report import PruneReport
from fleetsave.prune.room import prune
from fleetsave.store.base import ObjectStore
from tests.fakes.simulated_fleet import NOW, SimulatedFleet, simulated_fleet_file
from tests.fakes.simulated_history import Fault, fault_of, server_id

DUE = 24 + 4 + 1
"""Backups of a server that a day's run deletes: hourly databases, files every six hours, one full backup."""


def run(bucket: SimulatedFleet, *, concurrency: int = 4, stop_after: int | None = None) -> PruneReport:
    store = cast("ObjectStore", bucket)
    return prune(
        store=store,
        catalog=Catalog(store),
        fleet=simulated_fleet_file(bucket.servers),
        default_keep_for=timedelta(days=30),
        now=NOW,
        execute=True,
        keeps=lambda _: False,
        concurrency=concurrency,
        should_stop=lambda: stop_after is not None and bucket.calls["delete"] >= stop_after,
    )


@dataclass(frozen=True)
class Twenty:
    """A run on twenty servers, and the calls it made."""

    bucket: SimulatedFleet
    report: PruneReport
    calls: Counter[str]


@pytest.fixture(scope="module")
def twenty() -> Twenty:
    bucket = SimulatedFleet(20)
    return Twenty(bucket, run(bucket), bucket.calls.copy())


def test_exactly_what_is_due_goes_and_what_is_wrong_is_told(twenty: Twenty) -> None:
    bucket, report = twenty.bucket, twenty.report
    assert report.deleted == 20 * DUE - 2  # the full backup that a suspect one holds, and the one that is pinned
    assert report.refused_artifacts == ["server-00013/full/full"]
    assert [fault_of(13), fault_of(7), fault_of(9)] == [Fault.SUSPECT, Fault.ORPHAN, Fault.LOST]
    assert [key.key.split("/")[1] for key in report.irregularities] == [server_id(7), server_id(9)]
    assert (report.failures, report.finished, report.lines) == ([], True, [])
    fresh = SimulatedFleet(20)
    assert len(bucket.data_of(0)) == len(fresh.data_of(0)) - DUE - 5  # five manifests go with their archives
    assert len(bucket.data_of(15)) == len(fresh.data_of(15)) - DUE - 5 + 1


def test_a_second_run_finds_nothing_to_do(twenty: Twenty) -> None:
    assert run(twenty.bucket).deleted == 0


def test_the_calls_for_each_server_are_few_and_the_same_in_a_larger_fleet(twenty: Twenty) -> None:
    forty = SimulatedFleet(40)
    run(forty)
    assert twenty.calls["list"] <= 20 * 6 + 3
    assert twenty.calls.total() <= 20 * (7 + 7 * DUE + 20) + 10
    assert forty.calls.total() == pytest.approx(2 * twenty.calls.total(), rel=0.01)


def test_the_years_cost_nothing() -> None:
    young, old = SimulatedFleet(3, years=0.5), SimulatedFleet(3, years=5)
    assert run(young).deleted == run(old).deleted
    assert young.calls == old.calls
    assert young.entries == old.entries


def test_no_more_servers_are_in_memory_than_are_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[weakref.ref[Inventory]] = []
    most = 0

    def noted(*given: object) -> Inventory:
        nonlocal most
        inventory = take(*given)  # type: ignore[arg-type]  # handed through
        taken.append(weakref.ref(inventory))
        most = max(most, sum(one() is not None for one in taken))
        return inventory

    monkeypatch.setattr(server, "take", noted)
    gc.disable()
    try:
        run(SimulatedFleet(9), concurrency=3)
    finally:
        gc.enable()
    assert (len(taken), most <= 3) == (10, True)


def test_a_run_that_ends_early_says_so_and_the_next_ones_finish_it() -> None:
    bucket = SimulatedFleet(6)
    first = run(bucket, concurrency=2, stop_after=40)
    assert not first.finished
    assert first.summary()["servers"]["left"] == first.servers_left > 0
    with pytest.raises(FleetsaveError, match=f"the time was over: {first.servers_left} of the servers"):
        first.require_complete()
    assert first.deleted + run(bucket).deleted == 6 * DUE
