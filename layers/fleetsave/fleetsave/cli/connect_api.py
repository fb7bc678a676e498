"""From options and environment to the recovery API, as whoever AWS's own credentials say."""

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError

from fleetsave.api_client import RecoveryApi
from fleetsave.model.errors import ConfigurationError
from fleetsave.settings import variable

API_URL = variable("api_url")
API_REGION = variable("api_region")

_OWN_HOST = re.compile(r"[a-z0-9-]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")


def open_recovery_api(options: Mapping[str, str]) -> RecoveryApi:
    """Return the API of the environment, with `options` taking precedence.

    Credentials are AWS's own chain: profile, environment, role. The region is the one given, else the one in the address, else
    that of the profile. Raise ConfigurationError if one of them is missing or wrong.
    """
    url = options.get("api_url") or os.environ.get(API_URL)
    if not url:
        raise ConfigurationError(
            "reach the API", "its address", "none is given", f"Give --api-url URL, or set {API_URL}: the stack's output ApiUrl."
        )
    try:
        session = boto3.session.Session()
        credentials = session.get_credentials()
        region = options.get("api_region") or os.environ.get(API_REGION) or _region_in(url) or session.region_name
    except BotoCoreError as error:
        raise ConfigurationError("reach the API", url, str(error).rstrip("."), "Check the AWS profile.") from None
    if credentials is None:
        raise ConfigurationError(
            "reach the API", url, "there are no AWS credentials", "Set AWS_PROFILE, or log in: `aws configure`, `aws sso login`."
        )
    if not region:
        raise ConfigurationError(
            "reach the API", url, "its region is not known", f"Give --api-region NAME, or set {API_REGION} or AWS_REGION."
        )
    return RecoveryApi(url, credentials, region)


def _region_in(url: str) -> str | None:
    found = _OWN_HOST.fullmatch(urlsplit(url).hostname or "")
    return found[1] if found else None
