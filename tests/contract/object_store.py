"""What every object store owes its callers, asked of every implementation: small objects, and what all parts need."""

import concurrent.futures
import hashlib
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from fleetsave.model.errors import ObjectExistsError, ObjectNotFoundError, StoreError
from fleetsave.store.base import ObjectStore

PAGE_SIZE = 3


@dataclass(frozen=True)
class Subject:
    """A store under test; `alter_next_body` flips a bit of the next body after its digests were taken.

    `is_atomic` tells whether it was told that its provider has conditional writes.
    """

    store: ObjectStore
    alter_next_body: Callable[[], None]
    is_atomic: bool


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def is_absent(store: ObjectStore, key: str) -> bool:
    try:
        store.head(key)
    except ObjectNotFoundError:
        return True
    return False


class SmallObjects:
    """put, head, get, read, list, folders, files, delete, now."""

    @pytest.fixture
    def key(self) -> str:
        return f"{uuid.uuid4().hex}/servers/server_001/database/server_001_20240101_120000_database.db.zst"

    def test_an_object_is_what_was_put(self, subject: Subject, key: str) -> None:
        body = os.urandom(300_000)
        put = subject.store.put(key, body, metadata={"Plain-Sha256": "ab12"})
        head = subject.store.head(key)
        assert (head.key, head.size, head.etag, head.metadata) == (key, len(body), md5(body), {"plain-sha256": "ab12"})
        assert (put.key, put.size, put.etag, put.metadata) == (head.key, head.size, head.etag, head.metadata)
        assert abs(put.last_modified - head.last_modified) < timedelta(seconds=5)
        assert subject.store.get(key) == body

    def test_putting_again_replaces(self, subject: Subject, key: str) -> None:
        subject.store.put(key, b"old")
        subject.store.put(key, b"new")
        assert subject.store.get(key) == b"new"

    def test_an_empty_object_is_an_object(self, subject: Subject, key: str) -> None:
        subject.store.put(key, b"")
        assert subject.store.get(key) == b""
        assert subject.store.head(key).size == 0

    def test_if_absent_never_replaces(self, subject: Subject, key: str) -> None:
        subject.store.put(key, b"first", if_absent=True)
        with pytest.raises(ObjectExistsError):
            subject.store.put(key, b"second", if_absent=True)
        assert subject.store.get(key) == b"first"

    def test_if_absent_has_one_winner_where_it_is_atomic(self, subject: Subject, key: str) -> None:
        def put(number: int) -> bytes | None:
            body = f"writer {number}".encode()
            try:
                subject.store.put(key, body, if_absent=True)
            except ObjectExistsError:
                return None
            return body

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            winners = [body for body in pool.map(put, range(8)) if body is not None]
        assert subject.store.get(key) in winners
        assert len(winners) == 1 or not subject.is_atomic

    def test_if_absent_writes_where_an_object_was_deleted(self, subject: Subject, key: str) -> None:
        subject.store.put(key, b"first")
        subject.store.delete(key)
        subject.store.put(key, b"second", if_absent=True)
        assert subject.store.get(key) == b"second"

    def test_a_body_altered_on_its_way_is_never_stored(self, subject: Subject, key: str) -> None:
        subject.alter_next_body()
        with pytest.raises(StoreError) as refused:
            subject.store.put(key, b"content")
        assert refused.value.retryable
        assert is_absent(subject.store, key)

    def test_what_is_not_there_is_said_to_be_missing(self, subject: Subject, key: str) -> None:
        for look in (subject.store.head, subject.store.get, lambda key: next(subject.store.read(key))):
            with pytest.raises(ObjectNotFoundError):
                look(key)

    def test_get_refuses_what_is_larger_than_its_limit(self, subject: Subject, key: str) -> None:
        subject.store.put(key, b"0123456789")
        assert subject.store.get(key, limit=10) == b"0123456789"
        with pytest.raises(StoreError, match="larger than 9 bytes"):
            subject.store.get(key, limit=9)

    def test_read_gives_every_byte_in_chunks_of_a_mebibyte(self, subject: Subject, key: str) -> None:
        body = os.urandom((2 << 20) + 17)
        subject.store.put(key, body)
        chunks = list(subject.store.read(key))
        assert b"".join(chunks) == body
        assert max(map(len, chunks)) <= 1 << 20

    @pytest.mark.parametrize("offset", [1, 999_999, 1_500_000])
    def test_read_begins_at_its_offset(self, subject: Subject, key: str, offset: int) -> None:
        body = os.urandom(1_500_000)
        subject.store.put(key, body)
        assert b"".join(subject.store.read(key, offset=offset)) == body[offset:]

    def test_read_refuses_an_offset_past_the_end(self, subject: Subject, key: str) -> None:
        subject.store.put(key, b"content")
        with pytest.raises(StoreError):
            list(subject.store.read(key, offset=8))

    def test_list_gives_all_pages_of_its_prefix_only(self, subject: Subject, key: str) -> None:
        written = {f"{key}/{number}": b"x" * number for number in range(2 * PAGE_SIZE + 1)}
        for name, body in written.items():
            subject.store.put(name, body, metadata={"some": "thing"})
        subject.store.put(f"{key}-beside", b"other")
        listed = {info.key: info for info in subject.store.list(f"{key}/")}
        assert {name: (info.size, info.etag) for name, info in listed.items()} == {
            name: (len(body), md5(body)) for name, body in written.items()
        }
        assert all(info.metadata == {} for info in listed.values())
        assert all(abs(info.last_modified - datetime.now(UTC)) < timedelta(minutes=1) for info in listed.values())

    def test_list_begins_after_a_key_that_need_not_be_there(self, subject: Subject, key: str) -> None:
        for number in range(2 * PAGE_SIZE + 1):
            subject.store.put(f"{key}/{number}", b"x")
        after = {
            name: {info.key for info in subject.store.list(f"{key}/", start_after=f"{key}/{name}")} for name in ("1", "3-", "9")
        }
        assert after == {
            "1": {f"{key}/{number}" for number in range(2, 2 * PAGE_SIZE + 1)},
            "3-": {f"{key}/{number}" for number in range(4, 2 * PAGE_SIZE + 1)},
            "9": set(),
        }

    def test_folders_are_the_names_that_keys_go_on_after(self, subject: Subject, key: str) -> None:
        for number in range(2 * PAGE_SIZE + 1):
            subject.store.put(f"{key}/server_{number}/one", b"x")
            subject.store.put(f"{key}/server_{number}/two/deep", b"x")
        subject.store.put(f"{key}/no-folder", b"x")
        subject.store.put(f"{key}-beside/server/one", b"x")
        assert sorted(subject.store.folders(f"{key}/")) == [f"server_{number}" for number in range(2 * PAGE_SIZE + 1)]
        assert list(subject.store.folders(f"{key}/nothing/")) == []

    def test_files_are_the_keys_that_do_not_go_on(self, subject: Subject, key: str) -> None:
        for number in range(PAGE_SIZE + 1):
            subject.store.put(f"{key}/file_{number}", b"x")
            subject.store.put(f"{key}/folder_{number}/one", b"x")
        subject.store.put(f"{key}-beside", b"x")
        listed = list(subject.store.files(f"{key}/"))
        assert sorted(info.key for info in listed) == sorted(f"{key}/file_{number}" for number in range(PAGE_SIZE + 1))
        assert {(info.size, info.etag) for info in listed} == {(1, md5(b"x"))}

    def test_listing_nothing_gives_nothing(self, subject: Subject, key: str) -> None:
        assert list(subject.store.list(key)) == []

    def test_what_is_deleted_is_gone_and_may_be_deleted_again(self, subject: Subject, key: str) -> None:
        subject.store.put(key, b"content")
        subject.store.delete(key)
        subject.store.delete(key)
        assert is_absent(subject.store, key)
        assert list(subject.store.list(key)) == []

    def test_the_clock_is_in_utc_to_the_second(self, subject: Subject) -> None:
        now = subject.store.now()
        assert now.utcoffset() == timedelta(0)
        assert now.microsecond == 0
        assert abs(now - datetime.now(UTC)) < timedelta(seconds=10)

    def test_several_threads_may_use_it(self, subject: Subject, key: str) -> None:
        def round_trip(number: int) -> bool:
            body = os.urandom(10_000)
            subject.store.put(f"{key}/{number}", body)
            return subject.store.get(f"{key}/{number}") == body

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert all(pool.map(round_trip, range(16)))
