"""What every object store owes its callers, asked of every implementation: multipart uploads."""

import concurrent.futures
import hashlib
import os
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from fleetsave.model.errors import ObjectExistsError, ObjectNotFoundError, StoreError
from fleetsave.store.base import ObjectInfo, ObjectStore, PartReceipt
from tests.contract.object_store import PAGE_SIZE, Subject, is_absent, md5

PART = 5 << 20


def begin_parts(store: ObjectStore, key: str, bodies: list[bytes]) -> tuple[str, list[PartReceipt]]:
    upload_id = store.begin_upload(key, metadata={"Origin": "contract"})
    return upload_id, [store.upload_part(key, upload_id, number, body) for number, body in enumerate(bodies, 1)]


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
