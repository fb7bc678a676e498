"""Prune and the begin of a recovery, interleaved call by call: a recovery that goes ahead always finds its data."""

from collections import Counter
from functools import partial

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.errors import ObjectNotFoundError, RecoveryRefusedError
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_records import RecoveryState
from fleetsave.planning.plan import make_plan
from fleetsave.prune.report import PruneReport
from fleetsave.prune.room import prune
from fleetsave.store.base import ObjectStore
from tests.fixtures.interleaving import interleave
from tests.unit.prune.bucket import BODY, DAY, NOW, Bucket, fleet
from tests.unit.prune.recovering import reach, request

INTERLEAVINGS = 1_000
_PARTS = 10


def recover(store: ObjectStore, key: BackupKey) -> str:
    """Claim the server, decide by the catalog, and read the data, as the API and the worker do; return what came of it."""
    asked = request("alpha", backup_key=key.text)
    recovery = Recoveries(store).begin(asked, NOW).recovery
    try:
        make_plan(asked, fleet(), Catalog(store))
    except RecoveryRefusedError as error:
        reach(store, recovery, RecoveryState.FAILED)
        return error.reason
    recovery = reach(store, recovery, RecoveryState.SELECTED)
    try:
        body = b"".join(store.read(key.text))
    except ObjectNotFoundError:
        return "its data is gone"
    reach(store, recovery, RecoveryState.UPLOADED)
    return "recovered" if body == BODY else "its data is not whole"


def delete_what_is_due(store: ObjectStore) -> PruneReport:
    """Prune as the function does, but one server after the other: a seed then always means the same order of calls."""
    return prune(
        store=store, catalog=Catalog(store), fleet=fleet(), default_keep_for=30 * DAY, now=NOW, execute=True, concurrency=1
    )


@pytest.mark.parametrize("part", range(_PARTS))
def test_either_the_recovery_is_refused_by_the_record_or_the_data_stays(part: int) -> None:
    seen: Counter[tuple[str, bool, bool]] = Counter()
    for seed in range(part, INTERLEAVINGS, _PARTS):
        bucket = Bucket()
        _, old = bucket.add_ages(1, 40)
        outcome, report = interleave(bucket.store, partial(recover, key=old), delete_what_is_due, seed=seed)
        is_there, is_marked = old.text in bucket.data(), bucket.catalog.has(old, RecordName.PRUNED)
        assert outcome in ("recovered", Reason.PRUNED), f"seed {seed}"
        assert is_there or (is_marked and outcome == Reason.PRUNED), f"seed {seed}"
        assert report.failures == [], f"seed {seed}"
        seen[outcome, is_there, is_marked] += 1
    assert {outcome for outcome, _, _ in seen} == {"recovered", Reason.PRUNED}
    assert seen[Reason.PRUNED, False, True], "no interleaving in which prune came first"
    assert seen["recovered", True, False], "no interleaving in which the recovery came first"
