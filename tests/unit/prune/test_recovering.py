"""What a recovery may need stays, whether it began before prune listed anything, meanwhile, or right before a deletion."""

from collections.abc import Iterator

import pytest

from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.errors import CatalogError
from fleetsave.model.keys import RecordName
from fleetsave.model.recoveries import FINAL
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import RecoveryState
from fleetsave.model.retention import Rule
from fleetsave.prune.report import Outcome
from fleetsave.store.base import ObjectInfo
from tests.fakes.memory_store import MemoryStore
from tests.unit.prune.bucket import DAY, NOW, Bucket, CutListing, key_of
from tests.unit.prune.recovering import begin, reach
from tests.unit.prune.runs import line, run


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


class Meddled(MemoryStore):
    """The objects of `whole`; right after the n-th call of `method` on a key that ends with `ending`, a recovery begins."""

    def __init__(self, whole: MemoryStore, method: str, ending: str) -> None:
        super().__init__()
        self.__dict__.update(whole.__dict__)
        self._whole = whole
        self._moment = (method, ending)

    def head(self, key: str) -> ObjectInfo:
        try:
            return super().head(key)
        finally:
            self._meddle("head", key)

    def put(self, key: str, body: bytes, **how: object) -> ObjectInfo:
        info = super().put(key, body, **how)  # type: ignore[arg-type]  # handed through as it came
        self._meddle("put", key)
        return info

    def _meddle(self, method: str, key: str) -> None:
        if method == self._moment[0] and key.endswith(self._moment[1]):
            self._moment = ("", "")
            begin(self._whole)


@pytest.mark.parametrize("execute", [True, False])
def test_a_server_that_is_being_restored_keeps_everything(bucket: Bucket, *, execute: bool) -> None:
    new, old = bucket.add_ages(1, 40)
    worlds = [bucket.add(key_of(age * DAY, artifact="worlds-nether")) for age in (1, 40)]
    others = bucket.add_ages(1, 40, server_id="beta")
    recovery = begin(bucket.store)
    report = run(bucket, execute=execute)
    for key in (new, old, *worlds):
        assert (line(report, key).rule, line(report, key).outcome) == (Rule.RECOVERING, Outcome.KEPT)
        assert line(report, key).reason == f"recovery {recovery.id} is not finished, and may need it"
    assert line(report, others[1]).outcome is (Outcome.DELETED if execute else Outcome.WOULD_DELETE)
    assert report.refused_artifacts == []
    assert (report.failures, report.finished) == ([], True)


@pytest.mark.parametrize("state", sorted(set(RecoveryState) - FINAL - {RecoveryState.REQUESTED}))
def test_whatever_an_unfinished_recovery_has_reached_nothing_goes(bucket: Bucket, state: RecoveryState) -> None:
    bucket.add_ages(1, 40)
    reach(bucket.store, begin(bucket.store), state)
    assert run(bucket).deleted == 0


def test_a_stalled_recovery_may_be_taken_up_again_and_keeps_everything_too(bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    bucket.clock.now = NOW - 10 * DAY
    begin(bucket.store)
    bucket.clock.now = NOW
    assert run(bucket).deleted == 0


@pytest.mark.parametrize("end", sorted(FINAL))
def test_after_its_end_what_is_due_goes(bucket: Bucket, end: RecoveryState) -> None:
    bucket.add_ages(1, 40)
    reach(bucket.store, begin(bucket.store), end)
    assert run(bucket).deleted == 1


def test_the_server_whose_backup_is_restored_elsewhere_keeps_everything_too(bucket: Bucket) -> None:
    _, mine = bucket.add_ages(1, 40)
    _, theirs = bucket.add_ages(1, 40, server_id="beta")
    recovery = begin(bucket.store, target="beta", source="alpha")
    report = run(bucket)
    assert {line(report, key).rule for key in (mine, theirs)} == {Rule.RECOVERING}
    assert str(recovery.id) in line(report, mine).reason
    reach(bucket.store, recovery, RecoveryState.FAILED)
    assert run(bucket).deleted == 2


def test_backups_made_before_a_recovery_are_pruned_like_the_artifacts_own(bucket: Bucket) -> None:
    bucket.add_ages(1)
    stays = bucket.add(key_of(40 * DAY, artifact="safety-database"))
    goes = bucket.add(key_of(50 * DAY, artifact="safety-database"))
    report = run(bucket)
    assert line(report, stays).rule is Rule.NEWEST_VERIFIED
    assert line(report, goes).outcome is Outcome.DELETED


def test_a_rejected_safety_backup_raises_no_alarm(bucket: Bucket) -> None:
    bucket.add(key_of(DAY, artifact="safety-database"), (RecordName.STORED, RecordName.REJECTED))
    verified, old = (bucket.add(key_of(age * DAY, artifact="safety-database")) for age in (40, 50))
    report = run(bucket)
    assert report.refused_artifacts == []
    assert line(report, old).outcome is Outcome.DELETED
    assert verified.text in bucket.data()


# --- beginning meanwhile -------------------------------------------------------------------------------------------------


def test_a_recovery_that_the_listing_hides_is_found_by_its_name(bucket: Bucket) -> None:
    _, old = bucket.add_ages(1, 40)
    recovery = begin(bucket.store)
    report = run(bucket, store=CutListing(bucket.store, lambda key: key.startswith("recoveries/")))
    assert (line(report, old).rule, line(report, old).outcome) == (Rule.RECOVERING, Outcome.KEPT)
    assert f"recovery {recovery.id} has begun since" in line(report, old).reason
    assert old.text in bucket.data()
    assert not bucket.catalog.has(old, RecordName.PRUNED)


def test_a_recovery_that_begins_before_the_record_leaves_the_backup_as_it_is(bucket: Bucket) -> None:
    new, old = bucket.add_ages(1, 40)
    reach(bucket.store, begin(bucket.store), RecoveryState.RECOVERED)
    meddled = Meddled(bucket.store, "head", new.text)
    report = run(bucket, store=meddled)
    assert "recovery alpha.000002 has begun" in line(report, old).reason
    assert not bucket.catalog.has(old, RecordName.PRUNED)
    assert report.irregularities == []


def test_a_recovery_that_begins_right_before_the_deletion_finds_its_data(bucket: Bucket) -> None:
    _, old = bucket.add_ages(1, 40)
    report = run(bucket, store=Meddled(bucket.store, "put", "pruned.json"))
    assert (line(report, old).rule, line(report, old).outcome) == (Rule.RECOVERING, Outcome.KEPT)
    assert old.text in bucket.data()
    assert bucket.catalog.has(old, RecordName.PRUNED)


def test_what_was_left_to_a_recovery_goes_after_its_end(bucket: Bucket) -> None:
    _, old = bucket.add_ages(1, 40)
    run(bucket, store=Meddled(bucket.store, "put", "pruned.json"))
    assert run(bucket).deleted == 0
    running = Recoveries(bucket.store).load(RecoveryId("alpha", 1))
    reach(bucket.store, running, RecoveryState.RECOVERED)
    assert line(run(bucket), old).outcome is Outcome.DELETED
    assert old.text not in bucket.data()


# --- what cannot be read ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["recoveries/alpha.000001/001-requested.json", "recoveries/notes.txt"])
def test_recoveries_that_cannot_be_read_refuse_the_run(bucket: Bucket, key: str) -> None:
    bucket.add_ages(1, 40)
    bucket.store.put(key, b"{broken")
    with pytest.raises(CatalogError):
        run(bucket)
    assert bucket.store.calls["delete"] == 0


def test_answers_kept_for_idempotency_keys_are_no_recoveries(bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    bucket.store.put(f"recoveries/idempotency/{'0' * 64}.json", b"{}")
    assert run(bucket).deleted == 1


def test_a_server_that_has_used_up_its_numbers_keeps_everything(bucket: Bucket) -> None:
    _, old = bucket.add_ages(1, 40)
    last = RecoveryId("alpha", 999_999)
    bucket.store.put(last.record_key(1, RecoveryState.RECOVERED), b"{}")
    assert "used up" in line(run(bucket), old).reason


def test_asking_costs_two_heads_for_each_deletion_and_one_list_for_all(bucket: Bucket) -> None:
    bucket.add_ages(1, 40, 50)
    bucket.add_ages(1, 40, server_id="beta")
    heads: list[str] = []
    lists: list[str] = []

    class Noting(MemoryStore):
        def head(self, key: str) -> ObjectInfo:
            heads.append(key)
            return super().head(key)

        def list(self, prefix: str, *, start_after: str | None = None) -> Iterator[ObjectInfo]:
            lists.append(prefix)
            return super().list(prefix, start_after=start_after)

    noting = Noting()
    noting.__dict__.update(bucket.store.__dict__)
    assert run(bucket, store=noting).deleted == 3
    assert lists.count("recoveries/") == sum(prefix.startswith("recoveries/") for prefix in lists) == 1
    assert sum(name.startswith("recoveries/") for name in heads) == 6
