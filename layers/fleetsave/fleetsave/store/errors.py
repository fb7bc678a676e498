"""What a store's answer means: the one place that turns an S3 error into one of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from fleetsave.model.errors import AccessDeniedError, ObjectExistsError, ObjectNotFoundError, StoreError
from fleetsave.settings import variable

_BUCKET = variable("bucket")
_SECRET = variable("store_secret")
_REGION = variable("store_region")
_ENDPOINT = variable("store_endpoint")

_AGAIN = "Wait: it may pass by itself. If it goes on, look at the provider's status page."
_CHECK_CREDENTIALS = f"Check the credentials in the secret named by {_SECRET}, or the role, and what the bucket's policy allows."

_RETRYABLE = {
    "BadDigest", "ConditionalRequestConflict", "InternalError", "OperationAborted", "RequestTimeout", "RequestTimeoutException",
    "ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", "XAmzContentSHA256Mismatch",
}  # fmt: skip
_DENIED = {
    "AccessDenied": _CHECK_CREDENTIALS,
    "AllAccessDisabled": "The provider has disabled this account or bucket; ask its support.",
    "ExpiredToken": "The temporary credentials have expired; log in again.",
    "InvalidAccessKeyId": f"The access key is unknown there; check the secret named by {_SECRET} and {_ENDPOINT}.",
    "RequestTimeTooSkewed": "Set this machine's clock.",
    "SignatureDoesNotMatch": f"The secret key is wrong; check the secret named by {_SECRET}.",
}
_NOT_FOUND = {
    "404": "Check the key.",
    "NoSuchKey": "Check the key.",
    "NoSuchVersion": "Check the key.",
    "NoSuchUpload": "The upload was completed or aborted; begin a new one.",
}
_HINTS = {
    "AuthorizationHeaderMalformed": f"Check {_REGION}.",
    "EntityTooSmall": "Every part but the last needs 5 MiB.",
    "IllegalLocationConstraintException": f"Check {_REGION}.",
    "InvalidPart": "A part was replaced or lost; abort the upload and begin a new one.",
    "NoSuchBucket": f"Check {_BUCKET}, or create the bucket.",
    "NotImplemented": "The provider lacks this call; docs/stores.md names what is needed.",
    "PermanentRedirect": f"The bucket is in another region; check {_REGION}.",
}
_BROKEN_CONNECTION = (
    HTTPError,  # while a body is read, not every one of these is wrapped by the SDK
    boto.ConnectionError,
    boto.HTTPClientError,
    boto.ChecksumError,
    boto.FlexibleChecksumError,
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
)
_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.TokenRetrievalError,
)


@contextmanager
def translated(operation: str, target: str) -> Iterator[None]:
    """Let nothing of the SDK out: raise StoreError, or one of its kinds, in its place."""
    try:
        yield
    except ClientError as error:
        raise _from_answer(error, operation, target) from error
    except (BotoCoreError, HTTPError) as error:
        raise _from_sdk(error, operation, target) from error


def error_code(error: ClientError) -> str:
    """Return the code of a refusal; for an answer without a body, the HTTP status."""
    return error.response.get("Error", {}).get("Code", "") or str(_status(error))


def missing_bucket(operation: str, target: str) -> StoreError:
    """Return the error for a bucket that is not there."""
    return StoreError(operation, target, "NoSuchBucket: the bucket does not exist", _HINTS["NoSuchBucket"])


def _from_answer(error: ClientError, operation: str, target: str) -> StoreError:
    code, status = error_code(error), _status(error)
    cause = f"{code}: {error.response.get('Error', {}).get('Message') or f'HTTP {status}'}".rstrip(".")
    if code in _NOT_FOUND:
        return ObjectNotFoundError(operation, target, cause, _NOT_FOUND[code])
    if status == 412:
        return ObjectExistsError(operation, target, cause, "It is never replaced; look at what is there.")
    if code in _RETRYABLE or (status >= 500 and status != 501) or status in (408, 429):
        return StoreError(operation, target, cause, _AGAIN, retryable=True)
    if code in _DENIED or status in (401, 403):
        return AccessDeniedError(operation, target, cause, _DENIED.get(code, _CHECK_CREDENTIALS))
    return StoreError(operation, target, cause, _HINTS.get(code, "The store refused the call; its own words are above."))


def _from_sdk(error: BotoCoreError | HTTPError, operation: str, target: str) -> StoreError:
    cause = str(error).rstrip(".")
    if isinstance(error, boto.SSLError):
        return StoreError(operation, target, cause, "Check the store's certificate; name a private authority in AWS_CA_BUNDLE.")
    if isinstance(error, _BROKEN_CONNECTION):
        return StoreError(operation, target, cause, f"Check {_ENDPOINT} and the network.", retryable=True)
    if isinstance(error, _NO_CREDENTIALS):
        return AccessDeniedError(operation, target, cause, _CHECK_CREDENTIALS)
    return StoreError(operation, target, cause, "The SDK refused the call before it was sent.")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
