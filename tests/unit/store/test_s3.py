"""What S3Store makes of answers that no server of the contract suite gives on demand."""

import hashlib
from datetime import UTC, datetime

import pytest

from fleetsave.model.errors import ObjectExistsError, ObjectNotFoundError, StoreError
from fleetsave.settings import Provider
from fleetsave.store.base import PartReceipt
from fleetsave.store.digests import etag_of_parts
from fleetsave.store.s3 import S3Store
from tests.fixtures.scripted_s3 import Answer, ScriptedS3, refusal

BODY = b"content"
ETAG = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
PARTS = [PartReceipt(1, 7, ETAG, hashlib.sha256(BODY).hexdigest())]
WHOLE = etag_of_parts(PARTS)
OTHER = "0" * 32
DONE = Answer(body=b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")


def described(etag: str, size: int = 7, encryption: str = "AES256") -> Answer:
    return Answer(headers={"etag": f'"{etag}"', "x-amz-server-side-encryption": encryption}, length=size)


def store(*answers: Answer, provider: Provider = Provider.AWS, conditional: bool = True) -> tuple[S3Store, ScriptedS3]:
    scripted = ScriptedS3(provider, *answers)
    return S3Store(scripted.client, "backups", conditional_writes=conditional), scripted


def test_an_etag_that_is_not_that_of_the_bytes_is_an_error() -> None:
    for etag in (OTHER, "opaque"):
        with pytest.raises(StoreError, match=f"reports ETag {etag}"):
            store(described(etag))[0].put("key", BODY)
        with pytest.raises(StoreError, match=f"reports ETag {etag}"):
            store(described(etag))[0].upload_part("key", "u", 1, BODY)


def test_an_etag_under_sse_kms_is_kept_as_it_is_and_proves_nothing() -> None:
    assert store(described("opaque", encryption="aws:kms"))[0].put("key", BODY).etag == "opaque"
    receipt = store(described("opaque", encryption="aws:kms"))[0].upload_part("key", "u", 1, BODY)
    assert receipt == PartReceipt(1, 7, "opaque", PARTS[0].sha256)
    subject, scripted = store(DONE, described("opaque-1", encryption="aws:kms"))
    assert subject.complete_upload("key", "u", [receipt]).etag == "opaque-1"
    assert b"&quot;opaque&quot;" in scripted.requests[0].body or b'"opaque"' in scripted.requests[0].body


@pytest.mark.parametrize(("etag", "size"), [(f"{OTHER}-1", 7), (ETAG, 7), (WHOLE, 8)])
def test_a_completed_object_that_is_not_made_of_the_parts_is_an_error(etag: str, size: int) -> None:
    with pytest.raises(StoreError, match="reports ETag"):
        store(DONE, described(etag, size))[0].complete_upload("key", "u", PARTS)


@pytest.mark.parametrize("said", ["", "yesterday"])
def test_an_answer_without_a_date_is_an_error_that_says_so(said: str) -> None:
    undated = Answer(headers={"etag": f'"{ETAG}"', "date": said})
    with pytest.raises(StoreError, match="has no date"):
        store(undated)[0].put("key", BODY)
    with pytest.raises(StoreError, match="has no date"):
        store(undated)[0].now()


def test_a_conditional_store_writes_without_looking_and_on_condition() -> None:
    subject, scripted = store(described(ETAG), DONE, described(WHOLE))
    subject.put("key", BODY, if_absent=True)
    subject.complete_upload("key", "u", PARTS)
    assert [request.method for request in scripted.requests] == ["PUT", "POST", "HEAD"]
    assert [request.headers.get("If-None-Match") for request in scripted.requests] == [b"*", b"*", None]


def test_any_other_store_is_looked_at_first_and_sent_no_condition() -> None:
    missing = Answer(404)
    subject, scripted = store(
        missing, Answer(), described(ETAG), missing, DONE, described(WHOLE), provider=Provider.PORTABLE, conditional=False
    )
    subject.put("key", BODY, if_absent=True)
    subject.complete_upload("key", "u", PARTS)
    assert [request.method for request in scripted.requests] == ["HEAD", "HEAD", "PUT", "HEAD", "POST", "HEAD"]
    assert all("If-None-Match" not in request.headers for request in scripted.requests)


def test_on_aws_an_upload_declares_sha256_from_begin_to_end() -> None:
    begun = Answer(body=b"<R><UploadId>u</UploadId></R>")
    subject, scripted = store(begun, DONE, described(WHOLE))
    subject.begin_upload("key")
    subject.complete_upload("key", "u", PARTS)
    assert scripted.requests[0].headers["x-amz-checksum-algorithm"] == b"SHA256"
    assert b"<ChecksumSHA256>" in scripted.requests[1].body


def test_elsewhere_an_upload_declares_nothing() -> None:
    begun = Answer(body=b"<R><UploadId>u</UploadId></R>")
    subject, scripted = store(begun, DONE, described(WHOLE), provider=Provider.PORTABLE)
    subject.begin_upload("key")
    subject.complete_upload("key", "u", PARTS)
    assert "x-amz-checksum-algorithm" not in scripted.requests[0].headers
    assert b"<ChecksumSHA256>" not in scripted.requests[1].body


@pytest.mark.parametrize("no", [refusal(412, "PreconditionFailed"), refusal(404, "NoSuchUpload")])
def test_after_a_lost_reply_the_object_is_found(no: Answer) -> None:
    subject, _ = store(no, described(WHOLE))
    assert subject.complete_upload("key", "u", PARTS).etag == WHOLE


@pytest.mark.parametrize("no", [refusal(412, "PreconditionFailed"), refusal(404, "NoSuchUpload")])
def test_another_object_in_the_way_is_never_taken_for_ours(no: Answer) -> None:
    subject, _ = store(no, described(f"{OTHER}-1"))
    with pytest.raises(ObjectExistsError):
        subject.complete_upload("key", "u", PARTS)


def test_an_upload_that_is_gone_without_an_object_is_missing() -> None:
    subject, _ = store(refusal(404, "NoSuchUpload"), Answer(404), Answer())
    with pytest.raises(ObjectNotFoundError, match="NoSuchUpload"):
        subject.complete_upload("key", "u", PARTS)


def test_a_bucket_that_was_there_once_is_not_asked_for_again() -> None:
    subject, scripted = store(Answer(404), Answer(), Answer(404))
    for _ in range(2):
        with pytest.raises(ObjectNotFoundError):
            subject.head("key")
    assert len(scripted.requests) == 3


def test_the_clock_is_the_date_of_an_answer() -> None:
    assert store(Answer())[0].now() == datetime(2024, 1, 1, 12, tzinfo=UTC)
