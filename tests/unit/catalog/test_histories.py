"""A fleet's backups are handed over place by place: bounded, in order, and whatever one place does."""

from collections.abc import Generator, Iterator
from datetime import timedelta

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.histories import (
    History,
    Unlisted,
    is_verified,
    list_histories,
    list_history,
    listed_places,
    listed_servers,
)
from fleetsave.model.errors import StoreError
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot
from fleetsave.store.base import ObjectInfo
from tests.fakes.memory_store import MemoryStore
from tests.unit.prune.bucket import DAY, NOW, VERIFIED, Bucket, key_of

MONTH_AGO = Slot((NOW - 31 * DAY).replace(second=0))
DUMP = BackupKey.parse("central/postgresql/postgresql_20260615_120000.sql.zst")


def enough(_history: History) -> bool:
    return True


def all_verified(history: History) -> bool:
    return all(is_verified(backups) for backups in history.backups.values()) and bool(history.backups)


def listed(bucket: Bucket, *servers: str, since: Slot | None = MONTH_AGO, concurrency: int = 4) -> list[History | Unlisted]:
    places = [(server_id, Kind.DATABASE) for server_id in servers]
    return list(list_histories(bucket.catalog, places, since, all_verified, concurrency=concurrency))


def test_only_what_lies_in_the_window_is_listed_where_that_is_enough() -> None:
    bucket = Bucket()
    kept = bucket.add_ages(1, 2)
    bucket.add_ages(40)
    [history] = listed(bucket, "alpha")
    assert isinstance(history, History)
    assert [b.key for b in history.backups[kept[0].artifact_id]] == sorted(kept)
    assert (history.is_whole, bucket.store.calls["list"]) == (False, 1)


def test_the_whole_history_is_listed_where_the_window_shows_too_little() -> None:
    bucket = Bucket()
    old = bucket.add(key_of(90 * DAY))
    young = bucket.add(key_of(DAY), [RecordName.STORED])
    [history] = listed(bucket, "alpha")
    assert isinstance(history, History)
    assert [b.key for b in history.backups[old.artifact_id]] == [old, young]
    assert history.is_whole
    assert bucket.store.calls["list"] == 2


def test_without_a_slot_everything_is_listed_once() -> None:
    bucket = Bucket()
    bucket.add_ages(1, 40)
    [history] = listed(bucket, "alpha", since=None)
    assert isinstance(history, History)
    assert history.is_whole
    assert bucket.store.calls["list"] == 1


def test_places_come_in_the_order_they_were_asked_for_and_each_artifact_apart() -> None:
    bucket = Bucket()
    for number in range(20):
        bucket.add(key_of(DAY, f"server{number}"))
        bucket.add(key_of(DAY, f"server{number}", "worlds-1"))
    asked = [f"server{number}" for number in reversed(range(20))]
    histories = listed(bucket, *asked, concurrency=3)
    assert [history.place[0] for history in histories] == asked
    assert {len(history.backups) for history in histories if isinstance(history, History)} == {2}


class Counting(MemoryStore):
    """Counts how many listings were begun, to see how far ahead of who asks they are."""

    begun = 0

    def list(self, prefix: str, *, start_after: str | None = None) -> Iterator[ObjectInfo]:
        self.begun += 1
        return super().list(prefix, start_after=start_after)


def test_listing_does_not_run_far_ahead_of_who_asks() -> None:
    store = Counting()
    places = [(f"server{number}", Kind.DATABASE) for number in range(200)]
    histories = list_histories(Catalog(store), places, None, enough, concurrency=4)
    for handed_over in range(1, 50):
        next(histories)
        assert store.begun <= handed_over + 8
    assert isinstance(histories, Generator)
    histories.close()
    assert store.begun < 70


class OneFails(MemoryStore):
    """Fails to list one server."""

    def list(self, prefix: str, *, start_after: str | None = None) -> Iterator[ObjectInfo]:
        if "/beta/" in prefix:
            raise StoreError("list", prefix, "the store is slow", "Wait.", retryable=True)
        return super().list(prefix, start_after=start_after)


def test_what_fails_at_one_place_is_handed_over_and_the_others_are_listed() -> None:
    bucket = Bucket()
    bucket.store = OneFails()
    bucket.catalog = Catalog(bucket.store)
    for server_id in ("alpha", "beta", "gamma"):
        bucket.add(key_of(DAY, server_id))
    alpha, beta, gamma = listed(bucket, "alpha", "beta", "gamma")
    assert isinstance(alpha, History)
    assert isinstance(gamma, History)
    assert isinstance(beta, Unlisted)
    assert (beta.place, beta.error.cause) == (("beta", Kind.DATABASE), "the store is slow")


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
