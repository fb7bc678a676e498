"""Fault 24: prune and the begin of a recovery race, call by call of the store, in an order that a seed decides."""

from collections import Counter
from datetime import datetime
from functools import partial
from random import Random

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.keys import RecordName
from fleetsave.model.recoveries import Reason
from fleetsave.prune.deletion import Deletion
from fleetsave.prune.report import Outcome
from fleetsave.store.base import ObjectStore
from tests.faults.scoring import FINISHES, IS_LONG, Tally, scored
from tests.faults.table import FAULTS
from tests.fixtures.interleaving import interleave
from tests.unit.prune.bucket import Bucket
from tests.unit.prune.test_race_with_recovery import delete_what_is_due, recover

pytestmark = FINISHES


def race(tally: Tally, seen: Counter[str]) -> None:
    """Let both run on one bucket: the recovery goes ahead with its data there, or is refused because a record tells of it."""
    seed = tally.chance.randrange(1 << 32)
    bucket = Bucket()
    _, old = bucket.add_ages(1, 31 + tally.chance.randrange(60))
    outcome, report = interleave(bucket.store, partial(recover, key=old), delete_what_is_due, seed=seed)
    is_there, is_marked = old.text in bucket.data(), bucket.catalog.has(old, RecordName.PRUNED)
    if outcome not in ("recovered", Reason.PRUNED):
        tally.lose(f"seed {seed}: {outcome}")
    if not is_there and not (is_marked and outcome == Reason.PRUNED):
        tally.lose(f"seed {seed}: its data is gone, and it was not refused")
    if report.failures:
        tally.lose(f"seed {seed}: {report.failures}")
    seen[f"{outcome}, the data {'stayed' if is_there else 'went'}"] += 1


def test_what_a_recovery_needs_stays_or_it_is_refused() -> None:
    seen: Counter[str] = Counter()
    with scored(24) as tally:
        for _ in tally.each():
            race(tally, seen)
        tally.seen |= dict(seen)
    assert seen["recovered, the data stayed"]
    assert seen[f"{Reason.PRUNED}, the data went"] or not IS_LONG


def test_a_prune_that_does_not_look_again_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def carry_out(self: Deletion, store: ObjectStore, catalog: Catalog, now: datetime) -> tuple[Outcome, str]:
        store.delete(self.decision.key.text)
        catalog.append(self.decision.key, RecordName.PRUNED, self._record(now))
        return Outcome.DELETED, ""

    monkeypatch.setattr(Deletion, "carry_out", carry_out)
    monkeypatch.setattr(Deletion, "changed_since_listed", lambda *_: None)
    tally = Tally(FAULTS[24], "", 1, 7, Random(7))
    for _ in range(40):
        race(tally, Counter())
    assert tally.lost
