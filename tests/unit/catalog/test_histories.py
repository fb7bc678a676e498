"""A fleet's backups are handed over place by place: bounded, in order, and whatever one place does."""

from collections.abc import Generator
from datetime import timedelta

import pytest

from fleetsave.catalog.histories import (
    History,
    is_verified,
    list_enough,
    list_history,
    listed_places,
    listed_servers,
    side_by_side,
)
from fleetsave.model.errors import StoreError
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from tests.unit.prune.bucket import DAY, NOW, VERIFIED, Bucket, key_of

MONTH_AGO = Slot((NOW - 31 * DAY).replace(second=0))
DUMP = BackupKey.parse("central/postgresql/postgresql_20260615_120000.sql.zst")


def all_verified(history: History) -> bool:
    return all(is_verified(backups) for backups in history.backups.values()) and bool(history.backups)


def listed(bucket: Bucket, *begin: Slot) -> History:
    return list_enough(bucket.catalog, ("alpha", Kind.DATABASE), begin, all_verified)


def test_only_what_lies_in_the_window_is_listed_where_that_is_enough() -> None:
    bucket = Bucket()
    kept = bucket.add_ages(1, 2)
    bucket.add_ages(40)
    history = listed(bucket, MONTH_AGO)
    assert [b.key for b in history.backups[kept[0].artifact_id]] == sorted(kept)
    assert (history.is_whole, history.since, bucket.store.calls["list"]) == (False, MONTH_AGO, 1)


def test_one_that_begins_earlier_is_listed_where_a_window_shows_too_little() -> None:
    bucket = Bucket()
    middle = bucket.add(key_of(20 * DAY))
    young = bucket.add(key_of(DAY), [RecordName.STORED])
    bucket.add(key_of(90 * DAY))
    history = listed(bucket, Slot(NOW - 2 * DAY), MONTH_AGO)
    assert [b.key for b in history.backups[young.artifact_id]] == [middle, young]
    assert (history.since, bucket.store.calls["list"]) == (MONTH_AGO, 2)


def test_all_is_listed_where_no_window_shows_enough() -> None:
    bucket = Bucket()
    old = bucket.add(key_of(90 * DAY))
    young = bucket.add(key_of(DAY), [RecordName.STORED])
    history = listed(bucket, MONTH_AGO)
    assert [b.key for b in history.backups[old.artifact_id]] == [old, young]
    assert (history.is_whole, bucket.store.calls["list"]) == (True, 2)


def test_without_a_slot_everything_is_listed_once_and_each_artifact_apart() -> None:
    bucket = Bucket()
    bucket.add_ages(1, 40)
    bucket.add(key_of(DAY, artifact="worlds-1"))
    history = listed(bucket)
    assert (history.is_whole, len(history.backups), bucket.store.calls["list"]) == (True, 2, 1)


def test_results_come_in_the_order_of_what_was_asked_and_not_far_ahead_of_who_asks() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        return -number

    results = side_by_side(work, range(200), concurrency=4)
    for asked in range(50):
        assert next(results) == -asked
        assert len(begun) <= asked + 8
    assert isinstance(results, Generator)
    results.close()
    assert len(begun) < 70


def test_what_fails_is_raised_where_it_stands() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise StoreError("list", "beta", "the store is slow", "Wait.", retryable=True)
        return number

    results = side_by_side(work, range(10), concurrency=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(StoreError, match="slow"):
        next(results)


def test_what_is_no_record_is_named_and_passed_over() -> None:
    bucket = Bucket()
    key = bucket.add(key_of(DAY))
    bucket.store.put("catalog/servers/alpha/database/notes.txt", b"mine")
    history = list_history(bucket.catalog, ("alpha", Kind.DATABASE))
    assert [error.target for error in history.foreign] == ["catalog/servers/alpha/database/notes.txt"]
    assert list(history.backups) == [key.artifact_id]


def test_servers_and_their_kinds_are_known_by_their_folders() -> None:
    bucket = Bucket()
    bucket.add(key_of(400 * DAY))
    bucket.add(DUMP, VERIFIED)
    assert listed_servers(bucket.store) == (["alpha", "central"], [])
    assert listed_places(bucket.store, "alpha") == ([("alpha", Kind.DATABASE)], [])
    assert listed_places(bucket.store, "central") == ([("central", Kind.POSTGRESQL)], [])
    assert listed_places(bucket.store, "unknown") == ([], [])


def test_folders_that_are_nobodys_are_named() -> None:
    bucket = Bucket()
    for key in ("catalog/mine/a.json", "catalog/servers/Not An Id/x/y.json", "catalog/servers/alpha/tapes/a.json"):
        bucket.store.put(key, b"{}")
    servers, foreign = listed_servers(bucket.store)
    assert servers == ["alpha"]
    assert [error.target for error in foreign] == ["catalog/servers/Not An Id/", "catalog/mine/"]
    places, foreign = listed_places(bucket.store, "alpha")
    assert places == []
    assert [error.target for error in foreign] == ["catalog/servers/alpha/tapes/"]


def test_nothing_is_listed_for_a_slot_far_in_the_future() -> None:
    bucket = Bucket()
    bucket.add_ages(1)
    history = list_history(bucket.catalog, ("alpha", Kind.DATABASE), Slot(NOW + timedelta(days=365)))
    assert (history.backups, history.is_whole) == ({}, False)
