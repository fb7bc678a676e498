"""Calls of the recovery API, signed with AWS's signature v4: what the command line and the demonstration ask it with."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError

from fleetsave.api_client.problems import problem_of, unanswered
from fleetsave.api_client.wire import Sender, checked_address, frozen, sender_to
from fleetsave.model.errors import ApiProblemError

_SERVICE = "execute-api"
_TRIES = 3
_FIRST_PAUSE = 0.5
_REPLAYED = "idempotency-replayed"


@dataclass(frozen=True)
class Reply:
    """What the API said: its JSON document, and how many seconds to wait before asking again, where it says so.

    `is_replay` tells that an earlier call with the same Idempotency-Key had been answered, and this is that answer.
    """

    status: int
    document: dict[str, Any]
    is_replay: bool
    retry_after: float | None


class RecoveryApi:
    """The recovery API at `url`, e.g. `https://abc123.execute-api.eu-central-1.amazonaws.com/v1`.

    `credentials` are any of botocore's, with session tokens too; `region` is the API's own. `timeout` is the longest wait for
    an answer, in seconds. Every call raises ApiProblemError if the API refuses, fails or does not answer. Reading is tried
    three times; a POST only if it carries an Idempotency-Key, because otherwise a lost reply may hide a recovery that was begun.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials | ReadOnlyCredentials,
        region: str,
        *,
        timeout: float = 30,
        send: Sender | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raise ConfigurationError for an address that would send the signed request over the network in the clear."""
        self._url = checked_address(url)
        self._credentials = credentials
        self.region = region
        self._send = send or sender_to(self._url, timeout)
        self._pause = pause

    def recover(self, body: Mapping[str, Any], idempotency_key: str | None = None) -> Reply:
        """Ask for a recovery; the document is the recovery's."""
        return self._call("POST", "/backup/recover", body=body, idempotency_key=idempotency_key)

    def plan(self, body: Mapping[str, Any]) -> Reply:
        """Ask what a recovery would do, without doing anything; the document holds the plan."""
        # A dry run changes nothing, so it is as good as reading.
        return self._call("POST", "/backup/recover", body={**body, "dry_run": True}, is_safe=True)

    def get(self, recovery_id: str) -> Reply:
        """Ask where a recovery stands."""
        return self._call("GET", _recovery(recovery_id))

    def list(self, server_id: str, cursor: str | None = None) -> Reply:
        """List a server's recoveries, the newest first."""
        return self._call("GET", "/backup/recover", query={"server_id": server_id, "cursor": cursor})

    def cancel(self, recovery_id: str) -> Reply:
        """Ask a recovery to stop before it replaces anything."""
        return self._call("POST", f"{_recovery(recovery_id)}/cancel")

    def undo(self, recovery_id: str, idempotency_key: str | None = None) -> Reply:
        """Ask for a recovery of what a recovery replaced; the document is that of the new recovery."""
        return self._call("POST", f"{_recovery(recovery_id)}/undo", idempotency_key=idempotency_key)

    def backups(
        self,
        server_id: str,
        *,
        kind: str | None = None,
        since: str | None = None,
        until: str | None = None,
        verified: bool | None = None,
        cursor: str | None = None,
    ) -> Reply:
        """List a server's backups; `since` and `until` are ISO 8601 times."""
        asked = {"server_id": server_id, "type": kind, "from": since, "to": until, "cursor": cursor}
        if verified is not None:
            asked["verified"] = "true" if verified else "false"
        return self._call("GET", "/backups", query=asked)

    def status(self) -> Reply:
        """Ask how safe the fleet is."""
        return self._call("GET", "/status")

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        is_safe: bool = False,
    ) -> Reply:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{self._url}{path}" + (f"?{urlencode(given, quote_via=quote)}" if given else "")
        headers = {"Accept": "application/json, application/problem+json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        data = b"" if body is None else json.dumps(body, allow_nan=False).encode()
        may_repeat = method == "GET" or is_safe or idempotency_key is not None
        return self._tried(lambda: AWSRequest(method, url, headers, data), _TRIES if may_repeat else 1)

    def _tried(self, make: Callable[[], AWSRequest], tries: int) -> Reply:
        """Send until there is an answer that stays as it is; the last one counts."""
        for number in range(1, tries):
            try:
                return self._once(make())
            except ApiProblemError as error:
                if not error.retryable:
                    raise
            self._pause(_FIRST_PAUSE * 2 ** (number - 1))
        return self._once(make())

    def _once(self, request: AWSRequest) -> Reply:
        operation, target = f"call {request.method}", str(request.url)
        SigV4Auth(frozen(self._credentials), _SERVICE, self.region).add_auth(request)
        try:
            answer = self._send(request)
        except BotoCoreError as error:
            raise unanswered(error, operation, target) from None
        document = _document(answer.body)
        if 200 <= answer.status < 300 and document is not None:
            is_replay = answer.headers.get(_REPLAYED, "").lower() == "true"
            return Reply(answer.status, document, is_replay, _seconds(answer.headers.get("retry-after")))
        raise problem_of(answer.status, document, operation, target)


def _recovery(recovery_id: str) -> str:
    return f"/backup/recover/{quote(recovery_id, safe='')}"


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _seconds(text: str | None) -> float | None:
    """Read Retry-After, which may also be a date; then the caller's own pace will do."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
