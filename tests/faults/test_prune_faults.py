"""Faults 21, 22 and 25: prune with a wrong clock, over backups that are all corrupt, and killed anywhere."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.model import retention
from fleetsave.model.errors import PruneRefusedError
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.prune import server as prune_server
from fleetsave.prune.clocks import Clocks, Moment
from fleetsave.prune.deletion import Deletion
from fleetsave.prune.report import Outcome
from fleetsave.prune.room import prune
from fleetsave.store.base import ObjectStore
from tests.faults.scoring import FINISHES, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.nth_call import NthCall, Way, every_call
from tests.fixtures.prune_catalogs import Held, ago, fill
from tests.unit.prune.bucket import DAY, NOW, Bucket, fleet, key_of
from tests.unit.prune.runs import run

pytestmark = FINISHES
EPOCH, FAR = datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


def tally_of(number: int) -> Tally:
    """Return a tally that is not kept, for showing that a trial can fail."""
    return Tally(FAULTS[number], "", 1, 7, Random(7))


def wrong_time(chance: Random) -> datetime:
    """Return a time that is off by more than clocks may be."""
    off = chance.choice([timedelta(minutes=chance.uniform(6, 90)), chance.uniform(1, 24) * timedelta(hours=1), 40 * DAY])
    return chance.choice([EPOCH, FAR, NOW + off, NOW - off])


def prune_by_wrong_clock(tally: Tally, *, both: bool) -> None:
    """Prune with our clock, the store's, or both of them wrong: one alone is found out, and by both the newest stays."""
    chance, bucket = tally.chance, Bucket()
    fill(bucket, chance)
    held = Held(bucket)
    wrong = wrong_time(chance)
    ours, theirs = (wrong, wrong) if both else chance.choice([(wrong, NOW), (NOW, wrong)])
    bucket.clock.now = theirs
    try:
        report = run(bucket, now=ours)
    except PruneRefusedError:
        is_refused = True
    else:
        is_refused = False
        newest = held.newest_slots()
        if any(newest[key.artifact_id] > wrong + timedelta(minutes=5) for key in held.gone()):
            tally.lose(f"clocks at {wrong}: records lie in the future, and {report.deleted} were deleted")
    bucket.clock.now = NOW
    if not both and not is_refused:
        tally.accepted(f"our clock says {ours}, the store's {theirs}, and prune believed one")
    if not both and held.gone():
        tally.lose(f"{ours}, {theirs}: {held.gone()}")
    for broken in held.broken(is_time_right=not both):
        tally.lose(f"{ours}, {theirs}: {broken}")


@pytest.mark.parametrize("both", [False, True], ids=["one", "both"])
def test_prune_with_a_wrong_clock(both: bool) -> None:
    with scored(21, "both clocks are wrong alike" if both else "our clock or the store's is wrong", share=2) as tally:
        for _ in tally.each():
            prune_by_wrong_clock(tally, both=both)


def prune_over_corrupt(tally: Tally) -> None:
    """Let the newest k of one artifact be bad, from one to all of them, while the others are in order and are pruned."""
    chance, bucket = tally.chance, Bucket()
    count = chance.randint(2, 12)
    bad = chance.randint(1, count)
    ages = sorted(chance.uniform(0.05, 120) for _ in range(count))
    keys = [
        bucket.add(key_of(ago(age)), (RecordName.STORED, chance.choice([RecordName.REJECTED, RecordName.SUSPECT])))
        if number < bad
        else bucket.add(key_of(ago(age)))
        for number, age in enumerate(ages)
    ]
    bucket.add_ages(1, 60, server_id="beta")
    held = Held(bucket)
    for _ in range(chance.randint(1, 4)):
        run(bucket)
    gone = held.gone()
    if any(key.artifact_id.server_id == "alpha" for key in gone):
        tally.lose(f"the newest {bad} of {count} are corrupt, and {len(gone)} were deleted")
    if not any(key.artifact_id.server_id == "beta" for key in gone):
        tally.lose("the other server was not pruned, so this trial says nothing")
    good = keys[bad:]
    if good and good[0].text not in bucket.data():
        tally.lose(f"the last verified one is gone, with {bad} of {count} corrupt")


def test_prune_waits_while_the_newest_are_corrupt() -> None:
    with scored(22, "the newest k of n, k from 1 to all") as tally:
        for _ in tally.each():
            prune_over_corrupt(tally)


def kill_everywhere(tally: Tally) -> int:
    """Prune one catalog, killed at every call of the store, before and after; return at how many points."""
    seed = tally.chance.randrange(1 << 32)
    undisturbed = Bucket()
    fill(undisturbed, Random(seed))
    run(undisturbed)
    wanted = (undisturbed.data(), {info.key for info in undisturbed.store.list("catalog/")})
    buckets: list[Bucket] = []

    def killed(nth_call: NthCall) -> object:
        buckets.append(bucket := Bucket())
        fill(bucket, Random(seed))
        store = nth_call.wrap(bucket.store)
        return prune(
            store=store, catalog=Catalog(store), fleet=fleet(), default_keep_for=30 * DAY, now=NOW, execute=True, concurrency=1
        )

    points = 0
    for nth_call in every_call(killed):
        bucket = buckets.pop()
        buckets.clear()
        told = f"seed {seed}, {nth_call.calls[nth_call.nth - 1]} number {nth_call.nth} {nth_call.way}"
        unrecorded = [key for key in wanted[0] ^ bucket.data() if not has_record(bucket, key)]
        if unrecorded:
            tally.lose(f"{told}: no record of {unrecorded[0]}")
        run(bucket)
        if (bucket.data(), {info.key for info in bucket.store.list("catalog/")}) != wanted:
            tally.lose(f"{told}: the next run did not finish")
        points += 1
    return points


def has_record(bucket: Bucket, key: str) -> bool:
    """Tell whether what is not there is said to be pruned; what is there needs no such record."""
    return key in bucket.data() or bucket.catalog.has(BackupKey.parse(key), RecordName.PRUNED)


def test_prune_killed_at_every_call() -> None:
    with scored(25, "at every call of the store, in every way") as tally:
        points = catalogs = 0
        while points < tally.trials:
            points += kill_everywhere(tally)
            catalogs += 1
        tally.made = points
        tally.seen |= {"points": points, "catalogs": catalogs, "ways": [way.value for way in Way]}


# ---- each of these trials can fail --------------------------------------------------------------------------------------------


def test_a_prune_that_believes_its_own_clock_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clocks, "agreed", lambda self: Moment(self._now, self._now))
    tally = tally_of(21)
    for _ in range(20):
        prune_by_wrong_clock(tally, both=False)
    assert tally.bad_accepted
    assert tally.lost


def test_a_prune_that_does_not_wait_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_hold", lambda *_: None)
    monkeypatch.setattr(prune_server, "find_doubt", lambda *_: None)
    tally = tally_of(22)
    for _ in range(20):
        prune_over_corrupt(tally)
    assert tally.lost


def test_a_prune_that_deletes_before_it_tells_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def carry_out(self: Deletion, store: ObjectStore, catalog: Catalog, now: datetime) -> tuple[Outcome, str]:
        store.delete(self.decision.key.text)
        catalog.append(self.decision.key, RecordName.PRUNED, self._record(now))
        return Outcome.DELETED, ""

    monkeypatch.setattr(Deletion, "carry_out", carry_out)
    tally = tally_of(25)
    kill_everywhere(tally)
    assert tally.lost


def test_the_catalogs_hold_what_is_pruned() -> None:
    bucket = Bucket()
    fill(bucket, Random(1))
    assert run(bucket).deleted > 0
