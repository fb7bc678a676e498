"""What goes over the wire, profile by profile."""

import hashlib
from datetime import UTC, datetime

import pytest

from fleetsave.settings import Provider
from fleetsave.store import profiles
from fleetsave.store.digests import sent_with
from tests.fixtures.scripted_s3 import Answer, ScriptedS3

BODY = b"content"


@pytest.mark.parametrize("provider", list(Provider))
@pytest.mark.parametrize("call", ["put_object", "upload_part"])
def test_bodies_go_with_their_length_and_digests_and_without_trailers(provider: Provider, call: str) -> None:
    scripted = ScriptedS3(provider, Answer(headers={"etag": '"x"'}))
    part = {"UploadId": "u", "PartNumber": 1} if call == "upload_part" else {}
    getattr(scripted.client, call)(Bucket="backups", Key="key", Body=BODY, **part, **sent_with(BODY))
    headers = scripted.requests[0].headers
    assert headers["Content-Length"] == "7"
    assert headers["Content-MD5"].decode() == sent_with(BODY)["ContentMD5"]
    assert headers["x-amz-checksum-sha256"].decode() == sent_with(BODY)["ChecksumSHA256"]
    assert not {"Transfer-Encoding", "Content-Encoding", "x-amz-trailer", "x-amz-checksum-crc32"} & set(headers)


def test_the_portable_profile_signs_bodies_and_puts_the_bucket_in_the_path() -> None:
    scripted = ScriptedS3(Provider.PORTABLE, Answer(headers={"etag": '"x"'}))
    scripted.client.put_object(Bucket="backups", Key="key", Body=BODY, **sent_with(BODY))
    request = scripted.requests[0]
    assert request.url == "https://store.example/backups/key"
    assert request.headers["X-Amz-Content-SHA256"].decode() == hashlib.sha256(BODY).hexdigest()
    assert b"/eu-central-1/s3/aws4_request" in request.headers["Authorization"]


def test_the_aws_profile_puts_the_bucket_in_the_name() -> None:
    scripted = ScriptedS3(Provider.AWS, Answer())
    scripted.client.head_object(Bucket="backups", Key="key")
    assert scripted.requests[0].url == "https://backups.s3.eu-central-1.amazonaws.com/key"


@pytest.mark.parametrize(("provider", "declares"), [(Provider.AWS, True), (Provider.PORTABLE, False)])
def test_only_the_aws_profile_declares_checksums(provider: Provider, *, declares: bool) -> None:
    assert profiles.declares_checksums(ScriptedS3(provider).client) is declares


def test_a_portable_store_needs_no_region() -> None:
    client = profiles.client(
        Provider.PORTABLE, endpoint="http://127.0.0.1:1", region=None, access_key_id="KEY", secret_access_key="SECRET"
    )
    assert client.meta.region_name == "us-east-1"


@pytest.mark.parametrize(
    "text", ["2026-06-15T04:30:00.000Z", "2026-06-15T04:30:00Z", "2026-06-15T06:30:00+02:00", "Mon, 15 Jun 2026 04:30:00 GMT"]
)
@pytest.mark.parametrize("provider", list(Provider))
def test_times_of_listings_are_read_in_whatever_form_a_store_writes_them(provider: Provider, text: str) -> None:
    listing = (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Contents><Key>k</Key><Size>1</Size><LastModified>{text}</LastModified></Contents></ListBucketResult>"
    )
    scripted = ScriptedS3(provider, Answer(body=listing.encode()))
    entry = scripted.client.list_objects_v2(Bucket="backups")["Contents"][0]
    assert entry["LastModified"] == datetime(2026, 6, 15, 4, 30, tzinfo=UTC)
