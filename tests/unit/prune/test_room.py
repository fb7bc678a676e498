"""Prune deletes what is due and written down, keeps what must stay, and refuses when it is not sure."""

from datetime import timedelta

import pytest

from fleetsave.model.errors import AccessDeniedError, FleetsaveError, PruneRefusedError, StoreError
from fleetsave.model.keys import RecordName
from fleetsave.model.retention import Rule
from fleetsave.prune.report import Outcome
from fleetsave.prune.room import prune
from tests.fakes.memory_store import MemoryStore
from tests.unit.prune.bucket import BODY, DAY, NOW, VERIFIED, Bucket, fleet, key_of
from tests.unit.prune.runs import line, run

DENIED = AccessDeniedError("delete", "key", "the object is locked until 2026-07-01", "Wait.")


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


class NeverDeletes(MemoryStore):
    """The objects of `whole`, one of which cannot be deleted."""

    def __init__(self, whole: MemoryStore, key: str) -> None:
        super().__init__()
        self.__dict__.update(whole.__dict__)
        self._key = key

    def delete(self, key: str) -> None:
        if key == self._key:
            raise StoreError("delete", key, "connection reset", "Wait.", retryable=True)
        super().delete(key)


def test_old_backups_go_with_a_record_and_the_newest_verified_stays(bucket: Bucket) -> None:
    young, old, older = bucket.add_ages(1, 40, 50)
    report = run(bucket)
    assert bucket.data() == {young.text}
    assert report.deleted == 2
    record = bucket.catalog.pruned(old)
    assert (record.key, record.size, record.pruned_at) == (old.text, len(BODY), NOW)
    assert record.newest_verified_key == young.text
    assert record.policy["keep_for_seconds"] == 30 * 86400
    assert "older than 30 d" in record.reason
    assert bucket.catalog.has(older, RecordName.STORED)
    assert bucket.catalog.has(older, RecordName.VERIFIED)


def test_a_dry_run_tells_what_would_go_and_touches_nothing(bucket: Bucket) -> None:
    _, old = bucket.add_ages(1, 40)
    before = bucket.data()
    report = run(bucket, execute=False)
    assert line(report, old).outcome is Outcome.WOULD_DELETE
    assert report.summary()["bytes_would_be_deleted"] == len(BODY)
    assert bucket.data() == before
    assert not bucket.catalog.has(old, RecordName.PRUNED)
    assert bucket.store.calls["delete"] == 0


def test_a_dry_run_can_look_ahead(bucket: Bucket) -> None:
    young, old = bucket.add_ages(1, 10)
    report = run(bucket, execute=False, as_of=NOW + 31 * DAY)
    assert [line(report, key).outcome for key in (young, old)] == [Outcome.KEPT, Outcome.WOULD_DELETE]
    assert report.summary()["as_of"] == "2026-07-16T12:30:00+00:00"


def test_another_time_is_never_executed(bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    with pytest.raises(PruneRefusedError, match="only a dry run"):
        run(bucket, as_of=NOW + DAY)
    assert bucket.store.calls["delete"] == 0


@pytest.mark.parametrize("skew", [timedelta(minutes=6), -timedelta(minutes=6), 3650 * DAY, -20_000 * DAY])
def test_a_clock_that_differs_from_the_stores_refuses_the_run(bucket: Bucket, skew: timedelta) -> None:
    bucket.add_ages(1, 40)
    with pytest.raises(PruneRefusedError, match="too far apart"):
        run(bucket, now=NOW + skew)
    assert bucket.store.calls["delete"] == 0


def test_the_earlier_of_two_clocks_counts(bucket: Bucket) -> None:
    bucket.add_ages(1, 30)
    assert run(bucket, now=NOW + timedelta(minutes=4)).deleted == 0


def test_what_the_fleet_file_does_not_name_stays_and_says_why(bucket: Bucket) -> None:
    bucket.add_ages(1, 40, 50, server_id="gone")
    report = run(bucket)
    assert {one.rule for one in report.lines} == {Rule.NOT_IN_FLEET}
    assert "never deleted" in report.lines[0].reason
    assert len(bucket.data()) == 3


def test_a_globs_databases_are_each_pruned_alone(bucket: Bucket) -> None:
    stays = bucket.add(key_of(100 * DAY, artifact="worlds-a-1234"))
    goes = bucket.add(key_of(101 * DAY, artifact="worlds-a-1234"))
    alone = bucket.add(key_of(102 * DAY, artifact="worlds-b-5678"))
    run(bucket)
    assert bucket.data() == {stays.text, alone.text}
    assert bucket.catalog.has(goes, RecordName.PRUNED)


def test_one_server_can_be_pruned_alone(bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    others = bucket.add_ages(1, 40, server_id="beta")
    report = prune(
        store=bucket.store,
        catalog=bucket.catalog,
        fleet=fleet(),
        default_keep_for=30 * DAY,
        now=NOW,
        execute=True,
        server_id="alpha",
    )
    assert report.deleted == 1
    assert {key.text for key in others} <= bucket.data()


# --- half-done and refused deletions -----------------------------------------------------------------------------------


def test_a_deletion_that_was_cut_short_is_finished_by_the_next_run(bucket: Bucket) -> None:
    _, old = bucket.add_ages(1, 40)
    bucket.store.fail("delete", StoreError("delete", old.text, "connection reset", "Wait.", retryable=True))
    first = run(bucket)
    assert line(first, old).outcome is Outcome.FAILED
    assert [failed["artifact"] for failed in first.failures] == ["alpha/database/database"]
    assert bucket.catalog.has(old, RecordName.PRUNED)
    second = run(bucket)
    assert line(second, old).outcome is Outcome.DELETED
    assert old.text not in bucket.data()
    assert run(bucket).deleted == 0


def test_without_its_record_no_data_is_deleted(bucket: Bucket) -> None:
    _, old = bucket.add_ages(1, 40)
    bucket.store.fail("put", StoreError("put", "record", "connection reset", "Wait.", retryable=True))
    report = run(bucket)
    assert line(report, old).outcome is Outcome.FAILED
    assert old.text in bucket.data()


def test_after_a_failure_the_rest_of_the_artifact_waits_and_other_artifacts_go_on(bucket: Bucket) -> None:
    _, old, oldest = bucket.add_ages(1, 40, 50)
    _, others = bucket.add_ages(1, 40, server_id="beta")
    report = run(bucket, store=NeverDeletes(bucket.store, oldest.text))
    assert line(report, oldest).outcome is Outcome.FAILED
    assert line(report, old).outcome is Outcome.POSTPONED
    assert line(report, others).outcome is Outcome.DELETED
    assert not report.finished
    with pytest.raises(FleetsaveError) as incomplete:
        report.require_complete()
    left, failed = incomplete.value.cause.split("; ")
    assert left == "0 of the servers and 1 of the deletions are left for the next run"
    assert failed.startswith("alpha/database/database: connection reset")


def test_an_object_the_store_retains_is_no_failure_and_is_tried_again(bucket: Bucket) -> None:
    _, old = bucket.add_ages(1, 40)
    bucket.store.fail("delete", DENIED)
    report = run(bucket)
    assert line(report, old).outcome is Outcome.RETAINED
    assert "locked until" in line(report, old).reason
    report.require_complete()
    assert run(bucket).deleted == 1


def test_a_backup_marked_as_pruned_that_must_stay_is_kept_and_reported(bucket: Bucket) -> None:
    newest = bucket.add(key_of(DAY), (*VERIFIED, RecordName.PRUNED))
    bucket.add_ages(40)
    report = run(bucket)
    assert newest.text in bucket.data()
    assert [one.key for one in report.irregularities] == [newest.text]


def test_a_backup_marked_as_pruned_takes_no_other_ones_place_among_the_newest(bucket: Bucket) -> None:
    bucket.add(key_of(DAY), (*VERIFIED, RecordName.PRUNED))
    recoverable, old = bucket.add_ages(40, 50)
    report = run(bucket)
    assert line(report, recoverable).rule is Rule.NEWEST_VERIFIED
    assert line(report, old).outcome is Outcome.DELETED


def test_a_run_whose_time_is_over_stops_and_says_so(bucket: Bucket) -> None:
    _, old, older = bucket.add_ages(1, 40, 50)
    report = run(bucket, should_stop=lambda: bucket.store.calls["delete"] > 0)
    assert line(report, older).outcome is Outcome.DELETED
    assert line(report, old).outcome is Outcome.POSTPONED
    with pytest.raises(FleetsaveError, match="the time was over: 1 of the servers and 1 of the deletions are left"):
        report.require_complete()


def test_killed_at_every_call_the_next_run_ends_as_one_run_would() -> None:
    points = 0
    for method in ("list", "folders", "files", "head", "put", "delete"):
        for call in range(1, 60):
            fresh = Bucket()
            newest, *_ = fresh.add_ages(1, 40, 50, 60)
            fresh.store.fail(method, _KilledError(), call=call)
            try:
                run(fresh)
            except _KilledError:
                points += 1
            else:
                break
            run(fresh)
            assert fresh.data() == {newest.text}
            assert fresh.catalog.has(key_of(60 * DAY), RecordName.PRUNED)
    assert points >= 10


class _KilledError(Exception):
    """Stands for the end of the process."""


def test_the_report_is_ready_for_json(bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    made = run(bucket, execute=False).as_dict()
    assert made["backups"]["would_delete"] == 1
    assert made["lines"][1]["rule"] == "expired"
    assert made["lines"][1]["age_seconds"] == 40 * 86400
