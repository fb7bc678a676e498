"""Secrets, by reference: where private keys and store credentials come from, and nowhere else."""

import json
import re
import time
from collections.abc import Callable
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from fleetsave.model.errors import ConfigurationError

_SECONDS_KEPT = 300.0
"""A secret that was replaced is in use this soon; a function's process may live for many hours."""

_NAME = re.compile(r"(?:[A-Za-z0-9_.@-]+/)+[A-Za-z0-9_.@-]+|[a-z0-9_.-]{1,24}")
"""What looks like the name of a secret, and not like the secret itself in the place of its name."""

_PASSING = {"InternalServiceError", "ServiceUnavailable", "Throttling", "ThrottlingException", "TooManyRequestsException"}


class Secrets(Protocol):
    """A place that keeps secrets under names."""

    def get(self, name: str, *, fresh: bool = False) -> str:
        """Return the secret's text, with `fresh` as it is now: it may just have been replaced.

        Raise ConfigurationError, without any of its content, if it cannot be had.
        """
        ...


class SecretsManager:
    """AWS Secrets Manager; a secret is kept for five minutes by `clock`, which counts seconds."""

    def __init__(self, client: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[str, tuple[float, str]] = {}

    def get(self, name: str, *, fresh: bool = False) -> str:
        """Return the secret's text. Raise ConfigurationError, retryable where Secrets Manager itself has trouble."""
        now = self._clock()
        read_at, text = self._kept.get(name, (None, ""))
        if fresh or read_at is None or now - read_at >= _SECONDS_KEPT:
            text = self._read(name)
            self._kept[name] = now, text
        return text

    def _read(self, name: str) -> str:
        try:
            answer = self._client.get_secret_value(SecretId=name)
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            raise _unread(name, f"Secrets Manager answers {code}", passing=code in _PASSING) from None
        except BotoCoreError as error:
            raise _unread(name, f"Secrets Manager cannot be asked: {type(error).__name__}", passing=True) from None
        if "SecretString" not in answer:
            raise _unread(name, "it is binary", passing=False)
        return str(answer["SecretString"])


def _unread(name: str, cause: str, *, passing: bool) -> ConfigurationError:
    wait = "Wait: it may pass by itself. If it goes on, look at the network and at the health of Secrets Manager."
    create = "Create it in Secrets Manager as text, under the prefix this function may read."
    shown = name if _NAME.fullmatch(name) else f"{name[:4]}... (not shown: it may be the secret itself, and not its name)"
    return ConfigurationError("read secret", shown, cause, wait if passing else create, retryable=passing)


def read_account(secrets: Secrets, name: str, *, fresh: bool = False) -> tuple[str, str]:
    """Return username and password from a JSON secret of the form RDS uses. Raise ConfigurationError if it has not both."""
    try:
        value = json.loads(secrets.get(name, fresh=fresh))
        return str(value["username"]), str(value["password"])
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(
            "read secret", name, "it is not JSON with username and password", "Store both in one JSON object."
        ) from None


def read_credentials(secrets: Secrets, name: str) -> tuple[str, str]:
    """Return access key id and secret access key from a JSON secret. Raise ConfigurationError if it has not both."""
    try:
        value = json.loads(secrets.get(name))
        return str(value["access_key_id"]), str(value["secret_access_key"])
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(
            "read secret", name, "it is not JSON with access_key_id and secret_access_key", "Store both in one JSON object."
        ) from None
