"""What every object store owes its callers: each obligation of `store.base`, asked of every implementation."""

import concurrent.futures
import hashlib
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from fleetsave.model.errors import AccessDeniedError, ObjectExistsError, ObjectNotFoundError, StoreError
from fleetsave.store.base import ObjectInfo, ObjectStore, PartReceipt

PART = 5 << 20
PAGE_SIZE = 3


@dataclass(frozen=True)
class Subject:
    """A store under test; `alter_next_body` flips a bit of the next body after its digests were taken.

    `is_atomic` tells whether it was told that its provider has conditional writes.
    """

    store: ObjectStore
    alter_next_body: Callable[[], None]
    is_atomic: bool


@dataclass(frozen=True)
class Refused:
    """The same provider, seen by those it should turn away."""

    missing_bucket: ObjectStore
    wrong_secret: ObjectStore
    no_rights: ObjectStore


def begin_parts(store: ObjectStore, key: str, bodies: list[bytes]) -> tuple[str, list[PartReceipt]]:
    upload_id = store.begin_upload(key, metadata={"Origin": "contract"})
    return upload_id, [store.upload_part(key, upload_id, number, body) for number, body in enumerate(bodies, 1)]


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def is_absent(store: ObjectStore, key: str) -> bool:
    try:
        store.head(key)
    except ObjectNotFoundError:
        return True
    return False


class SmallObjects:
    """put, head, get, read, list, delete, now."""

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


class Uploads:
    """begin_upload, upload_part, complete_upload, abort_upload, list_uploads."""

    @pytest.fixture
    def key(self) -> str:
        return f"{uuid.uuid4().hex}/central/postgresql/postgresql_20240101_120000.sql.zst"

    def test_an_upload_appears_whole_when_it_is_completed_and_not_before(self, subject: Subject, key: str) -> None:
        bodies = [os.urandom(PART), os.urandom(PART + 1), b"the end"]
        upload_id, receipts = begin_parts(subject.store, key, bodies)
        assert is_absent(subject.store, key)
        assert list(subject.store.list(key)) == []
        assert [(u.key, u.upload_id) for u in subject.store.list_uploads(key)] == [(key, upload_id)]

        info = subject.store.complete_upload(key, upload_id, receipts)

        assert list(subject.store.list_uploads(key)) == []
        assert info.etag == md5(b"".join(bytes.fromhex(md5(body)) for body in bodies)) + "-3"
        assert (info.size, info.metadata) == (sum(map(len, bodies)), {"origin": "contract"})
        assert subject.store.head(key) == info
        assert b"".join(subject.store.read(key)) == b"".join(bodies)

    def test_receipts_name_what_was_sent(self, subject: Subject, key: str) -> None:
        upload_id, receipts = begin_parts(subject.store, key, [b"content"])
        assert receipts == [PartReceipt(1, 7, md5(b"content"), hashlib.sha256(b"content").hexdigest())]
        subject.store.abort_upload(key, upload_id)

    def test_parts_may_come_side_by_side_and_out_of_order(self, subject: Subject, key: str) -> None:
        bodies = {1: os.urandom(PART), 2: os.urandom(PART), 3: b"end"}
        upload_id = subject.store.begin_upload(key)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            futures = [pool.submit(subject.store.upload_part, key, upload_id, number, bodies[number]) for number in (3, 1, 2)]
            receipts = sorted((future.result() for future in futures), key=lambda receipt: receipt.number)
        subject.store.complete_upload(key, upload_id, receipts)
        assert subject.store.get(key, limit=20 << 20) == b"".join(bodies[number] for number in (1, 2, 3))

    def test_a_part_uploaded_again_replaces_itself(self, subject: Subject, key: str) -> None:
        upload_id, receipts = begin_parts(subject.store, key, [b"o" * PART, b"end"])
        receipts[0] = subject.store.upload_part(key, upload_id, 1, b"n" * (PART + 5))
        subject.store.complete_upload(key, upload_id, receipts)
        assert subject.store.get(key) == b"n" * (PART + 5) + b"end"

    def test_a_part_altered_on_its_way_is_never_taken(self, subject: Subject, key: str) -> None:
        upload_id = subject.store.begin_upload(key)
        subject.alter_next_body()
        with pytest.raises(StoreError) as refused:
            subject.store.upload_part(key, upload_id, 1, b"content")
        assert refused.value.retryable
        receipt = subject.store.upload_part(key, upload_id, 1, b"content")
        subject.store.complete_upload(key, upload_id, [receipt])
        assert subject.store.get(key) == b"content"

    def test_completing_twice_is_completing_once(self, subject: Subject, key: str) -> None:
        upload_id, receipts = begin_parts(subject.store, key, [b"content"])
        first = subject.store.complete_upload(key, upload_id, receipts)
        assert subject.store.complete_upload(key, upload_id, receipts) == first
        assert [info.key for info in subject.store.list(key)] == [key]

    def test_completing_never_replaces_another_object(self, subject: Subject, key: str) -> None:
        there: ObjectInfo = subject.store.put(key, b"there already")
        upload_id, receipts = begin_parts(subject.store, key, [b"content"])
        with pytest.raises(ObjectExistsError):
            subject.store.complete_upload(key, upload_id, receipts)
        assert subject.store.head(key).etag == there.etag
        subject.store.abort_upload(key, upload_id)

    def test_parts_that_the_store_does_not_have_are_refused(self, subject: Subject, key: str) -> None:
        upload_id, receipts = begin_parts(subject.store, key, [b"content"])
        invented = PartReceipt(1, 7, md5(b"another"), hashlib.sha256(b"another").hexdigest())
        for parts in ([invented], [*receipts, PartReceipt(2, 7, invented.etag, invented.sha256)]):
            with pytest.raises(StoreError):
                subject.store.complete_upload(key, upload_id, parts)
            assert is_absent(subject.store, key)
        subject.store.abort_upload(key, upload_id)

    def test_an_aborted_upload_is_gone_and_may_be_aborted_again(self, subject: Subject, key: str) -> None:
        upload_id, receipts = begin_parts(subject.store, key, [b"content"])
        subject.store.abort_upload(key, upload_id)
        subject.store.abort_upload(key, upload_id)
        assert list(subject.store.list_uploads(key)) == []
        with pytest.raises(ObjectNotFoundError):
            subject.store.upload_part(key, upload_id, 2, b"content")
        with pytest.raises(ObjectNotFoundError):
            subject.store.complete_upload(key, upload_id, receipts)
        assert is_absent(subject.store, key)

    def test_aborting_a_completed_upload_leaves_the_object(self, subject: Subject, key: str) -> None:
        upload_id, receipts = begin_parts(subject.store, key, [os.urandom(PART), b"end"])
        info = subject.store.complete_upload(key, upload_id, receipts)
        subject.store.abort_upload(key, upload_id)
        assert subject.store.head(key) == info
        assert sum(map(len, subject.store.read(key))) == info.size

    def test_open_uploads_are_listed_on_all_pages_of_their_prefix_only(self, subject: Subject, key: str) -> None:
        begun = {(f"{key}/{number}", subject.store.begin_upload(f"{key}/{number}")) for number in range(PAGE_SIZE + 1)}
        begun.add((f"{key}/0", subject.store.begin_upload(f"{key}/0")))
        beside = subject.store.begin_upload(f"{key}-beside")
        found = list(subject.store.list_uploads(f"{key}/"))
        assert {(upload.key, upload.upload_id) for upload in found} == begun
        assert len(found) == len(begun)
        assert all(abs(upload.started_at - datetime.now(UTC)) < timedelta(minutes=1) for upload in found)
        for name, upload_id in (*begun, (f"{key}-beside", beside)):
            subject.store.abort_upload(name, upload_id)


class Refusals:
    """What a provider turns away is said to be so, with what to do about it."""

    @pytest.mark.parametrize("call", ["put", "head", "get", "read", "list", "delete", "begin_upload", "list_uploads", "now"])
    def test_a_missing_bucket_is_named_and_is_no_missing_object(self, refused: Refused, call: str) -> None:
        with pytest.raises(StoreError) as error:
            _call(refused.missing_bucket, call)
        assert not isinstance(error.value, ObjectNotFoundError)
        assert not error.value.retryable
        assert "FLEETSAVE_BUCKET" in error.value.hint

    @pytest.mark.parametrize("call", ["put", "head", "get", "list", "delete", "begin_upload"])
    def test_a_wrong_secret_is_access_denied(self, refused: Refused, call: str) -> None:
        with pytest.raises(AccessDeniedError) as error:
            _call(refused.wrong_secret, call)
        assert not error.value.retryable
        assert "FLEETSAVE_STORE_SECRET" in error.value.hint

    @pytest.mark.parametrize("call", ["put", "head", "get", "list", "delete", "begin_upload"])
    def test_an_identity_without_rights_is_access_denied(self, refused: Refused, call: str) -> None:
        with pytest.raises(AccessDeniedError):
            _call(refused.no_rights, call)


def _call(store: ObjectStore, call: str) -> None:
    calls: dict[str, Callable[[], object]] = {
        "put": lambda: store.put("key", b"content"),
        "head": lambda: store.head("key"),
        "get": lambda: store.get("key"),
        "read": lambda: list(store.read("key", offset=3)),
        "list": lambda: list(store.list("prefix")),
        "delete": lambda: store.delete("key"),
        "begin_upload": lambda: store.begin_upload("key"),
        "list_uploads": lambda: list(store.list_uploads("prefix")),
        "now": store.now,
    }
    calls[call]()
