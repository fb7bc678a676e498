"""From options and environment to the bucket: all that the command line needs of the world."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import boto3
from botocore.exceptions import BotoCoreError

from fleetsave.api_client import RecoveryApi
from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import ConfigurationError
from fleetsave.queues import JobQueue, SqsJobQueue
from fleetsave.settings import Provider, Settings, variable
from fleetsave.store import profiles
from fleetsave.store.base import ObjectStore
from fleetsave.store.s3 import S3Store

ACCESS_KEY_ID = variable("access_key_id")
SECRET_ACCESS_KEY = variable("secret_access_key")


@dataclass(frozen=True)
class Connection:
    """The bucket and what goes with it; `queue` is None where the collect queue is not named."""

    settings: Settings
    store: ObjectStore
    catalog: Catalog
    queue: JobQueue | None
    has_own_retention: bool
    """Whether the environment says how long backups are kept, or the built-in default would be used."""

    def now(self) -> datetime:
        """Return our own clock."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class Session:
    """One call of the command line: the global options, and how to connect with them."""

    open: Callable[[Mapping[str, str]], Connection]
    open_api: Callable[[Mapping[str, str]], RecoveryApi]
    options: dict[str, str]

    def connect(self) -> Connection:
        """Open the bucket. Raise ConfigurationError if the settings are wrong; the store itself is not asked yet."""
        return self.open(self.options)

    def api(self) -> RecoveryApi:
        """Open the recovery API. Raise ConfigurationError if its address or the credentials are wrong; it is not asked yet."""
        return self.open_api(self.options)


def open_bucket(options: Mapping[str, str]) -> Connection:
    """Connect to the bucket of the environment, with `options` (settings by name) taking precedence.

    Credentials are AWS's own chain, or FLEETSAVE_ACCESS_KEY_ID and FLEETSAVE_SECRET_ACCESS_KEY together.
    """
    environment = {**os.environ, **{variable(name): value for name, value in options.items()}}
    if not environment.get(variable("bucket")):
        raise ConfigurationError("connect", "the bucket", "none is named", f"Give --bucket NAME, or set {variable('bucket')}.")
    settings = Settings.from_environment(environment)
    key_id, secret = environment.get(ACCESS_KEY_ID) or None, environment.get(SECRET_ACCESS_KEY) or None
    if (key_id is None) != (secret is None):
        raise ConfigurationError(
            "connect", settings.bucket, f"only one of {ACCESS_KEY_ID} and {SECRET_ACCESS_KEY} is set", "Set both or none."
        )
    try:
        client = profiles.client(
            settings.store_provider,
            endpoint=settings.store_endpoint,
            region=settings.store_region,
            access_key_id=key_id,
            secret_access_key=secret,
        )
        url = settings.collect_queue_url
        queue = SqsJobQueue(boto3.client("sqs"), url) if url else None
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            "connect", settings.bucket, str(error).rstrip("."), "Check endpoint (https://...), region and AWS profile."
        ) from None
    store = S3Store(client, settings.bucket, conditional_writes=settings.store_provider is Provider.AWS)
    has_own_retention = bool(environment.get(variable("retention_days")))
    return Connection(settings, store, Catalog(store), queue, has_own_retention)
