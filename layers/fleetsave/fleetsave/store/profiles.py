"""The S3 client of each provider profile; why each setting is as it is: docs/stores.md."""

from datetime import datetime
from typing import Any, Literal

import boto3
import botocore.session
from botocore.config import Config
from botocore.utils import parse_timestamp

from fleetsave.settings import Provider

_WHEN: dict[Provider, Literal["when_supported", "when_required"]] = {
    Provider.AWS: "when_supported",
    Provider.PORTABLE: "when_required",
}
_S3: dict[Provider, Any] = {
    Provider.AWS: None,
    # Look-alikes refuse chunked bodies with trailers, or do not know virtual hosts. Signing the body keeps Content-Length.
    Provider.PORTABLE: {"addressing_style": "path", "payload_signing_enabled": True},
}


def client(
    provider: Provider,
    *,
    endpoint: str | None,
    region: str | None,
    access_key_id: str | None,
    secret_access_key: str | None,
) -> Any:
    """Return an S3 client made for a provider; without a key pair it uses the process's own credentials.

    An endpoint with a private certificate authority is trusted through the ordinary AWS_CA_BUNDLE variable.
    """
    session = botocore.session.get_session()
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_read_timestamp)
    return boto3.session.Session(botocore_session=session).client(
        "s3",
        endpoint_url=endpoint,
        # Look-alikes take any region, but the signature needs one.
        region_name=region or ("us-east-1" if provider is Provider.PORTABLE else None),
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        config=Config(
            signature_version="s3v4",
            # Five tries are over in about 10 s; what lasts longer is for the queue to try again.
            retries={"mode": "standard", "max_attempts": 5},
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=16,
            request_checksum_calculation=_WHEN[provider],
            response_checksum_validation=_WHEN[provider],
            s3=_S3[provider],
        ),
    )


def declares_checksums(client: Any) -> bool:
    """Tell whether a client's multipart uploads name their checksum algorithm when they begin and again at the end.

    Amazon S3 refuses parts with a SHA-256 otherwise; look-alikes may not know the headers.
    """
    return bool(client.meta.config.request_checksum_calculation == "when_supported")


def _read_timestamp(value: Any) -> datetime:
    """Read a time as the SDK does, but those of listings at once: its own reader takes three quarters of what a listing takes."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return parse_timestamp(value)
    return parse_timestamp(value) if moment.tzinfo is None else moment
