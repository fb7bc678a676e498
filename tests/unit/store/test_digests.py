"""What a store must say of the bytes it took."""

import hashlib

import pytest

from fleetsave.store import digests
from fleetsave.store.base import PartReceipt


def part(number: int, body: bytes) -> PartReceipt:
    return PartReceipt(number, len(body), digests.etag_of(body), hashlib.sha256(body).hexdigest())


def test_digests_are_sent_as_s3_writes_them() -> None:
    sent = digests.sent_with(b"content")
    assert sent == {"ContentMD5": "mgNkuembtIDdJeHwKEyFVQ==", "ChecksumSHA256": "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M="}
    assert digests.base64_of(digests.sha256_hex(sent)) == sent["ChecksumSHA256"]


def test_the_etag_of_an_upload_is_that_of_its_parts_in_order() -> None:
    first, second = part(1, b"a"), part(2, b"b")
    etag = digests.etag_of_parts([first, second])
    assert etag.endswith("-2")
    assert digests.is_of_parts(etag, [first, second], {})
    assert not digests.is_of_parts(etag, [second, first], {})
    assert not digests.is_of_parts(etag.removesuffix("-2"), [first, second], {})


@pytest.mark.parametrize(
    ("answer", "opaque"),
    [
        ({}, False),
        ({"ServerSideEncryption": "AES256"}, False),
        ({"ServerSideEncryption": "aws:kms"}, True),
        ({"ServerSideEncryption": "aws:kms:dsse"}, True),
        ({"SSECustomerAlgorithm": "AES256"}, True),
    ],
)
def test_etags_prove_nothing_under_keys_of_the_owners_own(answer: dict[str, str], *, opaque: bool) -> None:
    assert digests.is_opaque(answer) is opaque
    assert digests.is_of_parts("0" * 32 + "-1", [part(1, b"a")], answer) is opaque
    assert not digests.is_of_parts("0" * 32 + "-2", [part(1, b"a")], answer)
