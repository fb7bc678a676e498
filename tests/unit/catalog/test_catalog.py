"""Records are written once, read whole, and listed without being opened."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import CatalogError, ObjectNotFoundError, StoreError
from fleetsave.model.history import State
from fleetsave.model.keys import RecordName
from fleetsave.model.kinds import Kind
from fleetsave.model.records import PrunedRecord
from tests.fakes.memory_store import MemoryStore
from tests.unit.prune.bucket import DAY, NOW, VERIFIED, Bucket, key_of, stored, verdict

KEY = key_of(DAY)
PRUNED = PrunedRecord(KEY.text, "older than 30 d", NOW, 16, {"keep_last": 3}, key_of(timedelta(0)).text, "0")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(lambda: NOW)


@pytest.fixture
def catalog(store: MemoryStore) -> Catalog:
    return Catalog(store)


def test_every_record_reads_as_it_was_written(catalog: Catalog) -> None:
    assert catalog.append(KEY, RecordName.STORED, stored(KEY))
    assert catalog.append(KEY, RecordName.VERIFIED, verdict(KEY, RecordName.VERIFIED))
    assert catalog.append(KEY, RecordName.PRUNED, PRUNED)
    assert catalog.stored(KEY) == stored(KEY)
    assert catalog.verdict(KEY, RecordName.VERIFIED) == verdict(KEY, RecordName.VERIFIED)
    assert catalog.pruned(KEY) == PRUNED


def test_a_record_is_never_replaced(catalog: Catalog) -> None:
    assert catalog.append(KEY, RecordName.STORED, stored(KEY))
    assert not catalog.append(KEY, RecordName.STORED, replace(stored(KEY), repair=2))
    assert catalog.stored(KEY).repair == 0


def test_a_record_that_could_not_be_written_is_an_error(catalog: Catalog, store: MemoryStore) -> None:
    store.fail("put", StoreError("put", "record", "SlowDown", "Wait.", retryable=True))
    with pytest.raises(StoreError, match="SlowDown"):
        catalog.append(KEY, RecordName.STORED, stored(KEY))


def test_it_knows_which_records_there_are(catalog: Catalog) -> None:
    catalog.append(KEY, RecordName.STORED, stored(KEY))
    assert catalog.has(KEY, RecordName.STORED)
    assert not catalog.has(KEY, RecordName.VERIFIED)


def test_a_missing_record_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(ObjectNotFoundError):
        catalog.stored(KEY)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"not json", b'{"key": 1}', b"\xff"])
def test_an_unreadable_record_is_a_catalog_error_that_names_it(catalog: Catalog, store: MemoryStore, body: bytes) -> None:
    store.put(KEY.record_key(RecordName.STORED), body)
    with pytest.raises(CatalogError, match=r"stored\.json"):
        catalog.stored(KEY)


def test_a_record_about_another_backup_is_refused(catalog: Catalog, store: MemoryStore) -> None:
    other = key_of(2 * DAY)
    catalog.append(other, RecordName.STORED, stored(other))
    store.put(KEY.record_key(RecordName.STORED), store.get(other.record_key(RecordName.STORED)))
    with pytest.raises(CatalogError, match="moved by hand"):
        catalog.stored(KEY)


def test_backups_are_listed_with_their_states_without_opening_a_record() -> None:
    bucket = Bucket()
    verified, pruned = bucket.add(KEY), bucket.add(key_of(40 * DAY), (*VERIFIED, RecordName.PRUNED))
    pinned = bucket.add(key_of(2 * DAY), (*VERIFIED, RecordName.PINNED))
    rejected = bucket.add(key_of(DAY, "beta"), (RecordName.STORED, RecordName.REJECTED))
    found = {backup.key: backup for backup in bucket.catalog.backups()}
    states = {key: backup.state for key, backup in found.items()}
    assert states == {verified: State.VERIFIED, pruned: State.PRUNED, pinned: State.VERIFIED, rejected: State.REJECTED}
    assert found[pinned].is_pinned
    assert found[verified].recorded_at[RecordName.STORED] == verified.slot.at
    assert (bucket.store.calls["get"], bucket.store.calls["head"], bucket.store.calls["list"]) == (0, 0, 1)


def test_the_listing_can_begin_at_a_slot() -> None:
    bucket = Bucket()
    keys = [bucket.add(key_of(days * DAY)) for days in (1, 2, 3)]
    found = bucket.catalog.backups_since(keys[1].artifact_id.server_id, Kind.DATABASE, keys[1].slot)
    assert {backup.key for backup in found} == set(keys[:2])


def test_the_listing_can_be_of_one_server_and_kind() -> None:
    bucket = Bucket()
    bucket.add(KEY)
    other = bucket.add(key_of(DAY, "beta"))
    assert [backup.key for backup in bucket.catalog.backups("beta")] == [other]
    assert [backup.key for backup in bucket.catalog.backups("beta", Kind.DATABASE)] == [other]
    assert list(bucket.catalog.backups("beta", Kind.FILES)) == []
    assert list(bucket.catalog.backups("bet")) == []


def test_a_listing_that_is_not_understood_is_not_trusted(catalog: Catalog, store: MemoryStore) -> None:
    store.put("catalog/notes.txt", b"by hand")
    with pytest.raises(CatalogError, match=r"notes\.txt"):
        list(catalog.backups())
