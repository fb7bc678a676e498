"""What a store's answers become: the right kind of error, whether it passes by itself, and what to do."""

import socket

import pytest
from botocore import exceptions as boto
from urllib3.exceptions import ProtocolError

from fleetsave.model.errors import AccessDeniedError, ObjectExistsError, ObjectNotFoundError, StoreError
from fleetsave.settings import Provider
from fleetsave.store import profiles
from fleetsave.store.errors import translated


def refusal(status: int, code: str = "", message: str = "no") -> boto.ClientError:
    return boto.ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item] # all that is read
        "PutObject",
    )


def of(error: Exception) -> StoreError:
    with pytest.raises(StoreError) as raised, translated("put", "key"):
        raise error
    assert (raised.value.operation, raised.value.target) == ("put", "key")
    return raised.value


@pytest.mark.parametrize(
    ("status", "code", "kind", "retryable", "hint"),
    [
        (404, "NoSuchKey", ObjectNotFoundError, False, "Check the key"),
        (404, "404", ObjectNotFoundError, False, "Check the key"),
        (404, "NoSuchUpload", ObjectNotFoundError, False, "begin a new one"),
        (404, "NoSuchBucket", StoreError, False, "FLEETSAVE_BUCKET"),
        (412, "PreconditionFailed", ObjectExistsError, False, "never replaced"),
        (403, "AccessDenied", AccessDeniedError, False, "FLEETSAVE_STORE_SECRET"),
        (403, "403", AccessDeniedError, False, "FLEETSAVE_STORE_SECRET"),
        (403, "InvalidAccessKeyId", AccessDeniedError, False, "access key is unknown"),
        (403, "SignatureDoesNotMatch", AccessDeniedError, False, "secret key is wrong"),
        (403, "RequestTimeTooSkewed", AccessDeniedError, False, "clock"),
        (400, "ExpiredToken", AccessDeniedError, False, "log in again"),
        (401, "Unauthorized", AccessDeniedError, False, "FLEETSAVE_STORE_SECRET"),
        (409, "ConditionalRequestConflict", StoreError, True, "Wait"),
        (400, "BadDigest", StoreError, True, "Wait"),
        (400, "RequestTimeout", StoreError, True, "Wait"),
        (429, "TooManyRequests", StoreError, True, "Wait"),
        (500, "InternalError", StoreError, True, "Wait"),
        (503, "SlowDown", StoreError, True, "Wait"),
        (503, "503", StoreError, True, "Wait"),
        (501, "NotImplemented", StoreError, False, "docs/stores.md"),
        (301, "PermanentRedirect", StoreError, False, "FLEETSAVE_STORE_REGION"),
        (400, "EntityTooSmall", StoreError, False, "5 MiB"),
        (400, "NeverHeardOf", StoreError, False, "its own words"),
    ],
)
def test_each_refusal_has_its_kind(status: int, code: str, kind: type[StoreError], hint: str, *, retryable: bool) -> None:
    error = of(refusal(status, code))
    assert type(error) is kind
    assert error.retryable is retryable
    assert hint in error.hint
    assert code in error.cause


@pytest.mark.parametrize(
    "broken",
    [
        boto.EndpointConnectionError(endpoint_url="https://store.example"),
        boto.ConnectTimeoutError(endpoint_url="https://store.example"),
        boto.ReadTimeoutError(endpoint_url="https://store.example"),
        boto.ConnectionClosedError(endpoint_url="https://store.example"),
        boto.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        boto.FlexibleChecksumError(error_msg="it does not fit"),
        ProtocolError("the connection broke"),
    ],
)
def test_a_broken_connection_may_pass(broken: Exception) -> None:
    error = of(broken)
    assert error.retryable
    assert "FLEETSAVE_STORE_ENDPOINT" in error.hint


def test_a_certificate_that_is_not_trusted_does_not_pass() -> None:
    error = of(boto.SSLError(endpoint_url="https://store.example", error=OSError("self-signed")))
    assert not error.retryable
    assert "AWS_CA_BUNDLE" in error.hint


def test_no_credentials_at_all_is_access_denied() -> None:
    assert type(of(boto.NoCredentialsError())) is AccessDeniedError


def test_a_call_the_sdk_refuses_is_no_passing_matter() -> None:
    assert not of(boto.ParamValidationError(report="bad")).retryable


def test_what_is_not_the_sdks_goes_through() -> None:
    with pytest.raises(KeyError), translated("put", "key"):
        raise KeyError("ours")


def test_a_store_that_nobody_answers_for_is_said_to_be_so() -> None:
    with socket.socket() as unanswered:
        unanswered.bind(("127.0.0.1", 0))  # bound, and never listening: every connection is refused
        endpoint = f"http://127.0.0.1:{unanswered.getsockname()[1]}"
        client = profiles.client(
            Provider.PORTABLE, endpoint=endpoint, region=None, access_key_id="KEY", secret_access_key="SECRET"
        )
        client.meta.events.unregister("needs-retry.s3", unique_id="retry-config-s3")
        with pytest.raises(StoreError) as raised, translated("put", "key"):
            client.put_object(Bucket="backups", Key="key", Body=b"")
    assert raised.value.retryable
    assert endpoint in raised.value.cause
    assert "SECRET" not in str(raised.value)
