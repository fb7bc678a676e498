"""A listing that is cut or lags behind never makes prune delete what it otherwise would keep."""

from collections.abc import Mapping
from datetime import timedelta
from zlib import crc32

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.retention import Rule
from fleetsave.model.slots import Slot
from fleetsave.prune.report import Outcome
from fleetsave.store.base import ObjectInfo
from tests.fakes.memory_store import MemoryStore
from tests.unit.prune.bucket import DAY, FLEET_TEXT, NOW, VERIFIED, Bucket, CutListing, key_of
from tests.unit.prune.runs import line, run

DAILY = FLEET_TEXT.replace("keep_last: 1,", "keep_last: 1, daily: 10,")
"""Keeps one backup for each of the last ten days that have one."""


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def test_an_empty_bucket_is_pruned_of_nothing(bucket: Bucket) -> None:
    assert run(bucket).lines == []


@pytest.mark.parametrize("hidden", [RecordName.SUSPECT, RecordName.REJECTED])
def test_a_hidden_verdict_on_a_newer_backup_holds_the_artifact(bucket: Bucket, hidden: RecordName) -> None:
    newest = bucket.add(key_of(timedelta(hours=1)), (RecordName.STORED, hidden))
    bucket.add_ages(1, 40)
    report = run(bucket, store=CutListing(bucket.store, lambda key: key == newest.record_key(hidden)))
    assert report.deleted == 0
    assert report.refused_artifacts == ["alpha/database/database"]


def test_a_hidden_backup_holds_the_artifact(bucket: Bucket) -> None:
    newest = bucket.add(key_of(timedelta(hours=1)), (RecordName.STORED, RecordName.SUSPECT))
    bucket.add_ages(1, 40)
    report = run(bucket, store=CutListing(bucket.store, lambda key: key.startswith(f"catalog/{newest}")))
    assert report.deleted == 0
    assert "incomplete" in report.lines[0].reason


def test_hidden_data_holds_the_artifact(bucket: Bucket) -> None:
    newest, _, _ = bucket.add_ages(1, 40, 50)
    report = run(bucket, store=CutListing(bucket.store, lambda key: key == newest.text))
    assert report.deleted == 0
    assert {one.rule for one in report.lines} == {Rule.HELD}


@pytest.mark.parametrize("part", range(20))
def test_whatever_half_of_the_listing_is_lost_the_newest_verified_backups_stay(bucket: Bucket, part: int) -> None:
    newest, *_ = bucket.add_ages(1, 31, 32, 33, 40, 50, 60, 70)
    run(bucket, store=CutListing(bucket.store, lambda key: crc32(f"{part}{key}".encode()) % 2 == 0))
    assert newest.text in bucket.data()


def test_a_pin_that_the_listing_hides_is_found_before_deleting(bucket: Bucket) -> None:
    bucket.add_ages(1)
    pinned = bucket.add(key_of(40 * DAY), (*VERIFIED, RecordName.PINNED))
    report = run(bucket, store=CutListing(bucket.store, lambda key: key.endswith("pinned.json")))
    assert line(report, pinned).rule is Rule.CHANGED
    assert pinned.text in bucket.data()
    assert not bucket.catalog.has(pinned, RecordName.PRUNED)


def test_a_verdict_that_the_listing_hides_is_found_before_deleting(bucket: Bucket) -> None:
    bucket.add_ages(1)
    verified = bucket.add(key_of(40 * DAY))
    run(bucket, store=CutListing(bucket.store, lambda key: key == verified.record_key(RecordName.VERIFIED)))
    assert verified.text in bucket.data()


def test_data_deleted_behind_our_back_is_reported_and_proves_nothing(bucket: Bucket) -> None:
    lost = bucket.add(key_of(DAY), data=False)
    rest = bucket.add_ages(40, 50)
    report = run(bucket)
    assert [(one.key, one.problem[:11]) for one in report.irregularities] == [(lost.text, "its data is")]
    assert bucket.data() == {rest[0].text}


def test_what_is_listed_but_gone_holds_the_artifact(bucket: Bucket) -> None:
    newest, _ = bucket.add_ages(1, 40)
    listing = CutListing(bucket.store, lambda _: False)
    shown = list(bucket.store.list("servers/"))
    bucket.store.delete(newest.text)
    listing.list = lambda prefix, **after: (  # type: ignore[method-assign]  # a listing that lags
        iter(shown) if prefix == "servers/alpha/" else MemoryStore.list(listing, prefix, **after)
    )
    report = run(bucket, store=listing)
    assert report.deleted == 0
    assert "is gone" in report.lines[0].reason


def test_what_is_thinned_out_stays_while_the_one_that_stands_for_it_is_gone_or_rejected(bucket: Bucket) -> None:
    _, stands_for_it, thinned, _ = bucket.add_ages(1, 5, 5.1, 40)
    hides = CutListing(bucket.store, lambda key: key == stands_for_it.record_key(RecordName.REJECTED))
    bucket.add(stands_for_it, (*VERIFIED, RecordName.REJECTED))
    report = run(bucket, store=hides, fleet_text=DAILY)
    assert line(report, thinned).reason == f"a backup that is to stay has been rejected: {stands_for_it}"
    shown = list(bucket.store.list(stands_for_it.text))
    bucket.store.delete(stands_for_it.text)
    listed = hides.list
    hides.list = lambda prefix, **after: (  # type: ignore[method-assign]  # a listing that lags
        iter([*listed(prefix, **after), *(shown if prefix == "servers/alpha/" else [])])
    )
    report = run(bucket, store=hides, fleet_text=DAILY)
    assert line(report, thinned).reason == f"the data of a backup that is to stay is gone: {stands_for_it}"
    assert report.deleted == 0


def test_thinning_asks_only_for_what_stands_next_to_the_backups_that_go(bucket: Bucket) -> None:
    bucket.add_ages(*range(1, 10), 5.1)
    heads = bucket.store.calls["head"]
    assert run(bucket, fleet_text=DAILY).deleted == 1
    assert bucket.store.calls["head"] - heads == 2 + 2 + 3 + 1


def test_foreign_objects_and_data_without_records_are_reported_and_left_alone(bucket: Bucket) -> None:
    bucket.store.put("servers/notes.txt", b"by hand")
    orphan = bucket.add(key_of(90 * DAY), (), data=True)
    bucket.add_ages(1, 40)
    report = run(bucket)
    assert {one.key for one in report.irregularities} == {"servers/notes.txt", orphan.text}
    assert {"servers/notes.txt", orphan.text} <= bucket.data()
    assert report.deleted == 1


def test_a_backup_stored_while_prune_lists_does_not_hold_it(bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    fresh = bucket.add(BackupKey(ArtifactId("alpha", Kind.DATABASE, "database"), Slot(NOW), Compression.ZSTD))
    report = run(bucket, store=CutListing(bucket.store, lambda key: key.startswith(f"catalog/{fresh}")))
    assert report.deleted == 1


class SwallowsPrunedRecords(MemoryStore):
    """Says that it stored the record of a deletion, and does not."""

    def put(self, key: str, body: bytes, *, metadata: Mapping[str, str] | None = None, if_absent: bool = False) -> ObjectInfo:
        info = super().put(key, body, metadata=metadata, if_absent=if_absent)
        if key.endswith("/pruned.json"):
            self.delete(key)
        return info


def test_nothing_is_deleted_whose_record_the_store_has_swallowed(bucket: Bucket) -> None:
    bucket.store = SwallowsPrunedRecords(bucket.clock)
    bucket.store.put("config/fleet.yaml", FLEET_TEXT.encode())
    bucket.catalog = Catalog(bucket.store)
    old = bucket.add_ages(1, 40)[1]
    report = run(bucket)
    assert old.text in bucket.data()
    assert [one.outcome for one in report.lines] == [Outcome.KEPT, Outcome.FAILED]
    assert "does not have it" in str(report.failures[0]["cause"])
