"""The way of a request to the recovery API: a safe address, HTTP with verified certificates, credentials that belong together."""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from fleetsave.model.errors import ConfigurationError


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP; the names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Sender(Protocol):
    """Sends one signed request and returns what comes back. Raise BotoCoreError if nothing does."""

    def __call__(self, request: AWSRequest) -> Answer:
        """Send the request once; redirects are not followed."""
        ...


def checked_address(url: str) -> str:
    """Return the address of an API. Raise ConfigurationError if it is none, or would send requests in the clear."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ConfigurationError(
            "reach the API", repr(url[:200]), "it is not the address of an API",
            "Give https://..., with the stage, as the stack's output ApiUrl says it.",
        )  # fmt: skip
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(
            "reach the API", url[:200], "http would send the request in the clear", "Use https; http is for this machine alone."
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def sender_to(url: str, timeout: float) -> Sender:
    """Return a sender that verifies certificates and goes through the usual proxies.

    A private authority is trusted through AWS_CA_BUNDLE, as by every AWS client.
    """
    session: Any = URLLib3Session(
        verify=os.environ.get("AWS_CA_BUNDLE") or True,  # type: ignore[arg-type]  # the stubs leave out the path
        proxies=get_environ_proxies(url),
        timeout=(min(timeout, 10), timeout),  # type: ignore[arg-type]  # and the pair (connect, read)
    )

    def send(request: AWSRequest) -> Answer:
        got = session.send(request.prepare())
        return Answer(got.status_code, {name.lower(): value for name, value in got.headers.items()}, got.content)

    return send


def frozen(credentials: Credentials | ReadOnlyCredentials) -> ReadOnlyCredentials:
    """Return the three values as they belong together; temporary ones may be renewed here."""
    if isinstance(credentials, ReadOnlyCredentials):
        return credentials
    try:
        return credentials.get_frozen_credentials()
    except BotoCoreError as error:
        raise ConfigurationError(
            "sign the call", "the API", f"the credentials cannot be renewed ({type(error).__name__})", "Log in again."
        ) from None
