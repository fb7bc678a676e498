"""Secrets, by reference: where private keys and store credentials come from, and nowhere else."""

import json
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from fleetsave.model.errors import ConfigurationError


class Secrets(Protocol):
    """A place that keeps secrets under names."""

    def get(self, name: str) -> str:
        """Return the secret's text. Raise ConfigurationError, without any of its content, if it cannot be had."""
        ...


class SecretsManager:
    """AWS Secrets Manager; each secret is read once in the life of this object."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._cache: dict[str, str] = {}

    def get(self, name: str) -> str:
        """Return the secret's text. Raise ConfigurationError if it is missing, denied or not text."""
        if name not in self._cache:
            try:
                self._cache[name] = self._client.get_secret_value(SecretId=name)["SecretString"]
            except (ClientError, BotoCoreError, KeyError) as error:
                code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
                raise ConfigurationError(
                    "read secret", name, code, "Create it in Secrets Manager as text, under the prefix this function may read."
                ) from None
        return self._cache[name]


def read_credentials(secrets: Secrets, name: str) -> tuple[str, str]:
    """Return access key id and secret access key from a JSON secret. Raise ConfigurationError if it has not both."""
    try:
        value = json.loads(secrets.get(name))
        return str(value["access_key_id"]), str(value["secret_access_key"])
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(
            "read secret", name, "it is not JSON with access_key_id and secret_access_key", "Store both in one JSON object."
        ) from None
