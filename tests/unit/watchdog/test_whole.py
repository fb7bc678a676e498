"""Once a day a server is looked at whole: growth, what prune has left, and what is to be read again."""

from collections.abc import Iterator

import pytest

from fleetsave.model.keys import RecordName
from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.store.base import ObjectInfo
from tests.fakes.memory_store import MemoryStore
from tests.unit.prune.bucket import DAY, NOW, VERIFIED
from tests.unit.prune.recovering import begin
from tests.unit.watchdog.world import ALPHA, FLEET, HOUR, World, slot_of

KEEP_TWO_DAYS = b"retention: {keep_for: 2d, keep_last: 1, maximum_share: 1}"


def after_a_day(world: World) -> list[Problem]:
    """Look on for a day and return what is wrong in the last look."""
    return [report for _, report in world.look_on(DAY, every=2 * HOUR)][-1].problems


def late(world: World) -> list[Problem]:
    text = world.bucket.store.get("config/fleet.yaml")
    world.bucket.store.put("config/fleet.yaml", text.replace(b"retention: {keep_last: 1, maximum_share: 1}", KEEP_TWO_DAYS))
    return [one for one in after_a_day(world) if one.kind is ProblemKind.NOT_PRUNED]


def aged() -> World:
    """Return a fleet of which one artifact has a backup of each of ten days."""
    world = World().healthy(hours=3)
    for days in range(1, 10):
        world.put(24 * days)
    return world


def test_backups_that_stay_long_after_their_time_are_told_with_the_command_that_says_why() -> None:
    [problem] = late(aged())
    assert (problem.artifact, problem.command) == (str(ALPHA), "fleetsave prune --server alpha")
    assert "2 d" in problem.what


@pytest.mark.parametrize("why", ["pinned", "held", "recovering", "share", "all others marked as pruned"])
def test_what_the_rules_of_prune_hold_back_is_not_late(why: str) -> None:
    world = aged()
    if why == "pinned":
        for days in range(4, 10):
            world.put(24 * days, (RecordName.PINNED,), data=False)
    elif why == "held":
        world.put(-0.25, (RecordName.STORED, RecordName.SUSPECT))
    elif why == "recovering":
        begin(world.bucket.store)
    elif why == "all others marked as pruned":
        for hours in (0, 1, 2, *range(24, 9 * 24, 24)):
            world.put(hours, (RecordName.PRUNED,), data=False)
    else:
        text = world.bucket.store.get("config/fleet.yaml")
        world.bucket.store.put(
            "config/fleet.yaml", text.replace(b"{path: /srv/game.db}", b"{path: /srv/game.db, retention: {maximum_share: 0.1}}")
        )
    assert late(world) == []


def test_data_that_is_marked_as_pruned_and_stays_is_late_as_well() -> None:
    world = aged()
    for days in range(5, 10):
        world.put(24 * days, (RecordName.PRUNED,), data=False)
    [problem] = late(world)
    assert "6 of them" in problem.what or "5 of them" in problem.what


def test_growth_is_told_until_it_is_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for hour in range(0, 24 * 9, 6):
        world.put(hour)
    grow(world.bucket.store, {slot_of(hour).text for hour in range(24)}, monkeypatch)
    looks = [
        [one for one in report.problems if one.kind is ProblemKind.GROWING] for _, report in world.look_on(DAY, every=2 * HOUR)
    ]
    told = [found[0] for found in looks if found]
    assert told
    assert {one.artifact for one in told} == {str(ALPHA)}
    assert "of a usual day" in told[0].what
    assert looks[-1] == []  # nothing was captured since


def grow(store: MemoryStore, keys: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a store say that objects have a gibibyte each."""
    listing = store.list

    def larger(prefix: str, *, start_after: str | None = None) -> Iterator[ObjectInfo]:
        for info in listing(prefix, start_after=start_after):
            yield info if info.key not in keys else type(info)(info.key, 1 << 30, info.etag, info.last_modified, {})

    monkeypatch.setattr(store, "list", larger)


def test_every_verified_backup_is_read_again_once_in_each_period_and_no_other() -> None:
    world = World(reread=4 * DAY).healthy(hours=12)
    world.put(20, (RecordName.STORED, RecordName.REJECTED))
    world.put(21, (*VERIFIED, RecordName.PRUNED), data=False)
    verified = [slot_of(hour, one) for one in FLEET for hour in range(12)]
    for _ in world.look_on(9 * DAY, every=12 * HOUR):
        pass
    times = {key: world.verdicts.forced.count(key) for key in verified}
    assert set(world.verdicts.forced) <= set(verified)
    assert set(times.values()) <= {1, 2, 3}
    first_half = World(reread=4 * DAY).healthy(hours=12)
    for _ in first_half.look_on(5 * DAY, every=12 * HOUR):
        pass
    assert all(1 <= first_half.verdicts.forced.count(key) <= 2 for key in verified)


def test_rereads_are_spread_over_the_looks() -> None:
    world = World(reread=4 * DAY).healthy(hours=40)
    most = 0
    for _ in world.look_on(5 * DAY, every=6 * HOUR):
        most = max(most, len(world.verdicts.forced))
        world.verdicts.forced.clear()
    assert 0 < most <= 60  # of 120, each at its server's turn


def test_without_a_period_nothing_is_read_again() -> None:
    world = World().healthy(hours=12)
    for _ in world.look_on(3 * DAY, every=12 * HOUR):
        pass
    assert world.verdicts.forced == []


def test_looks_that_did_not_happen_lose_no_reread() -> None:
    world = World(reread=DAY).healthy(hours=12)
    world.look()
    world.bucket.clock.now = NOW + 2 * DAY
    world.look()
    assert set(world.verdicts.forced) == {slot_of(hour, one) for one in FLEET for hour in range(12)}


def test_the_worst_window_of_a_month_is_remembered_between_looks_at_the_whole() -> None:
    world = World().healthy(hours=3)
    world.put(24 * 20)
    world.put(24 * 20 + 100)
    windows = [report.artifacts[0].worst_window_seconds for _, report in world.look_on(DAY, every=2 * HOUR)]
    worst = (24 * 20 - 2) * 3600.0
    seen = windows.index(worst)
    assert set(windows[seen:]) == {worst}


def test_a_backup_that_waits_for_its_verdict_since_long_is_asked_for_when_its_turn_comes_and_told_until_it_has_it() -> None:
    world = World().healthy(hours=60)
    old = world.put(24 * 5, (RecordName.STORED,))
    told = [
        ProblemKind.NOT_VERIFIED in {one.kind for one in report.problems} for _, report in world.look_on(3 * DAY, every=3 * HOUR)
    ]
    assert told == sorted(told)
    assert told[-1]
    assert 1 <= world.verdicts.keys.count(old) <= 2
    world.bucket.clock.now -= 3 * HOUR
    world.bucket.store.put(old.record_key(RecordName.VERIFIED), b"{}")
    assert ProblemKind.NOT_VERIFIED not in {one.kind for one in world.look().problems}
