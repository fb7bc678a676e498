"""Whatever happens to a look, looks that follow bring about what it would have: each call may fail, each write be the last."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetsave.model.errors import StoreError
from fleetsave.model.keys import BackupKey
from fleetsave.store.base import ObjectStore
from tests.fixtures.dying_store import Died, dying
from tests.fixtures.interleaving import interleave
from tests.unit.prune.bucket import BODY, DAY
from tests.unit.watchdog.test_missing import note, transfer
from tests.unit.watchdog.test_unfinished import open_upload
from tests.unit.watchdog.world import ALPHA, BETA, HOUR, NORTH, QUARTER, STORED, World, slot_of


def troubled() -> World:
    """Return a fleet with something to mend of every kind."""
    world = World(reread=DAY).healthy(hours=6, until=1)
    world.put(0, artifact_id=BETA)
    world.put(0.5, STORED, artifact_id=BETA)
    world.bucket.store.delete(slot_of(3).text)
    world.put(0.75, data=False, artifact_id=NORTH)
    note(world, ALPHA, ago=HOUR, transfer=transfer(slot_of(1).text, open_upload(world, slot_of(1).text)))
    open_upload(world, slot_of(30, BETA).text, ago=2 * DAY)
    world.bucket.store.put("servers/alpha/database/mine.txt", b"mine")
    return world


def sent(world: World) -> dict[str, set[object]]:
    """Return what was asked for, whoever asked and how often."""
    return {
        "jobs": {job.identity for job in world.jobs.jobs},
        "verdicts": set(world.verdicts.keys) | set(world.verdicts.forced),
        "uploads": {upload.key for upload in world.bucket.store.list_uploads("")},
    }


def looked_at(world: World, *, times: int = 9) -> World:
    for _ in range(times):
        world.look()
        world.bucket.clock.now += 3 * HOUR
    return world


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("write", [1, 2, 3])
def test_killed_at_any_write_the_next_looks_bring_about_the_same(write: int, after: bool) -> None:
    undisturbed, killed = looked_at(troubled()), troubled()
    try:
        killed.look(store=dying(killed.bucket.store, write, after=after))
    except Died:
        assert write <= 3
    assert sent(looked_at(killed)) == sent(undisturbed)


class FailingAt:
    """A store whose n-th call, of whatever kind, fails; it counts them."""

    def __init__(self, store: ObjectStore, at: int) -> None:
        self._store = store
        self._left = at
        self.calls = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def call(*given: Any, **named: Any) -> Any:
            self.calls += 1
            self._left -= 1
            if self._left == 0:
                raise StoreError(name, "the store", "ServiceUnavailable", "Wait.", retryable=True)
            return method(*given, **named)

        return call


def test_each_call_of_the_store_may_fail_and_nothing_but_that_is_missing_from_the_report() -> None:
    counting = FailingAt(troubled().bucket.store, 0)
    whole = troubled().look(store=cast("ObjectStore", counting))
    names = {problem.identity for problem in whole.problems}
    reached = 0
    for at in range(2, counting.calls + 1):  # the first call asks for the time
        world = troubled()
        report = world.look(store=cast("ObjectStore", FailingAt(world.bucket.store, at)))
        told = [one for one in report.problems if "ServiceUnavailable" in one.what]
        assert told or {one.identity for one in report.problems} == names, at
        reached += bool(told)
        world.bucket.clock.now += QUARTER
        again = world.look()
        assert not [one for one in again.problems if "ServiceUnavailable" in one.what]
    assert reached > counting.calls / 2


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_two_looks_at_once_ask_for_the_same_and_neither_disturbs_the_other(seed: int) -> None:
    alone, world = troubled(), troubled()
    alone.look()
    one, other = interleave(
        world.bucket.store, lambda store: world.look(store=store), lambda store: world.look(store=store), seed=seed
    )  # fmt: skip
    assert sent(world)["jobs"] == sent(alone)["jobs"]
    assert sent(world)["verdicts"] == sent(alone)["verdicts"]
    assert {a.identity for a in one.problems} | {b.identity for b in other.problems} >= {
        p.identity for p in alone.look().problems
    }


@pytest.mark.parametrize("garbage", [b"", b"{}", b"\xff", b'{"looked_at": "2026-06-15T12:00:00"}', b'{"looked_at": 3e99}'])
def test_memory_that_is_lost_or_nonsense_costs_nothing_but_time(garbage: bytes) -> None:
    world = troubled()
    world.bucket.store.put("state/watchdog.json", garbage)
    assert world.look().problems == troubled().look().problems
    lost = looked_at(world, times=3)
    lost.bucket.store.delete("state/watchdog.json")
    assert sent(looked_at(lost)) == sent(looked_at(troubled(), times=12))


KEYS = st.sampled_from(
    [slot_of(hour, one).text for hour in (0, 1, 5, 700) for one in (ALPHA, NORTH, BETA)]
    + [
        "servers/alpha/database/x",
        "servers/gamma/full/gamma_20260615_120000_full.tar",
        "central/postgresql/postgresql_20260615_110000.sql",
    ]
)
BODIES = st.sampled_from([BODY, b"", b"{}", b"[1]", b"\xff\x00", b'{"looked_at": "2027-01-01T00:00:00+00:00"}'])
RECORDS = st.sampled_from(["stored", "verified", "rejected", "suspect", "pruned", "pinned", "mine"])
OTHERS = st.sampled_from(
    ["config/fleet.yaml", "state/watchdog.json", "state/alpha/database/database.json", "recoveries/alpha.1/001-requested.json",
     "recoveries/nonsense", "catalog/nonsense/x", "catalog/servers/alpha/mine", "servers/UPPER/database/x"]
)  # fmt: skip
THINGS = st.one_of(
    st.tuples(KEYS, BODIES),
    st.tuples(st.builds(lambda key, record: f"catalog/{key}/{record}.json", KEYS, RECORDS), BODIES),
    st.tuples(OTHERS, BODIES),
)


class Guarded:
    """A store that allows the watchdog what its role allows, and notes what it wrote."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.written: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        assert name not in {"delete", "begin_upload", "upload_part", "complete_upload"}, name
        method = getattr(self._store, name)

        def call(*given: Any, **named: Any) -> Any:
            if name in ("put", "abort_upload"):
                self.written.append(given[0])
            return method(*given, **named)

        return call


@settings(max_examples=100, deadline=None)
@given(
    st.lists(THINGS, max_size=25), st.lists(st.tuples(KEYS, st.integers(0, 100)), max_size=3), st.integers(0, 60 * 24),
    st.booleans(), st.sampled_from([0, 0, 0, -400, 400]),
)  # fmt: skip
def test_whatever_the_bucket_holds_a_look_deletes_nothing_and_writes_nothing_but_its_own(
    things: list[tuple[str, bytes]], uploads: list[tuple[str, int]], minutes: int, fleet: bool, ours: int
) -> None:
    world = World(reread=DAY, ours=ours * DAY)
    if not fleet:
        world.bucket.store.delete("config/fleet.yaml")
    for key, body in things:
        world.bucket.store.put(key, body)
    for key, hours in uploads:
        open_upload(world, key, ago=hours * HOUR)
    world.bucket.clock.now += minutes * QUARTER / 15
    before, still_open = world.everything(), {one.key for one in world.bucket.store.list_uploads("")}
    dry = Guarded(world.bucket.store)
    world.look(mend=False, store=cast("ObjectStore", dry))
    assert (dry.written, world.is_quiet) == ([], True)
    assert world.everything() == before
    guarded = Guarded(world.bucket.store)
    world.look(store=cast("ObjectStore", guarded))
    after = world.everything()
    own = {"state/watchdog.json", "state/watchdog/report.json"}
    assert {key: body for key, body in after.items() if key not in own} == {
        key: body for key, body in before.items() if key not in own
    }
    assert set(guarded.written) <= own | still_open
    if ours:
        assert world.is_quiet
        assert "state/watchdog.json" not in set(guarded.written)
    for one in (*world.verdicts.keys, *world.verdicts.forced):
        assert BackupKey.parse(one.text) == one
