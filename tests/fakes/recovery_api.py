"""The recovery API's side of HTTP, in memory: answers by method and path, and what was asked."""

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from fleetsave.api_client import RecoveryApi
from fleetsave.api_client.wire import Answer

URL = "https://abc123.execute-api.eu-central-1.amazonaws.com/v1"
CREDENTIALS = ReadOnlyCredentials("AKIDEXAMPLE", "the secret key", "the session token")


@dataclass(frozen=True)
class Asked:
    """One request that arrived; `body` is None where there was none."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class ScriptedApi:
    """Answers each route with what stands in `answers`, in order, the last one again and again; an exception is raised.

    A route is `METHOD /path?query`. What is asked of a route without an answer is a 404 problem.
    """

    answers: dict[str, list[Answer | Exception | type[BaseException]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def answer(self, route: str, *answers: Answer | Exception | type[BaseException]) -> None:
        """Say what comes back from a route."""
        self.answers[route] = list(answers)

    def client(self, url: str = URL) -> RecoveryApi:
        """Return a client of this API that does not really wait."""
        return RecoveryApi(url, CREDENTIALS, "eu-central-1", send=self, pause=self.pauses.append)

    def bodies(self, route: str) -> list[Any]:
        """Return the bodies that a route was sent."""
        return [one.body for one in self.asked if f"{one.method} {one.path}" == route]

    def __call__(self, request: AWSRequest) -> Answer:
        prepared = request.prepare()
        path = str(prepared.url).removeprefix(URL)
        headers = {str(name).lower(): _text(value) for name, value in prepared.headers.items()}
        data = prepared.body
        body = json.loads(data) if data else None  # type: ignore[arg-type]  # the stubs forget that a body is bytes or text
        asked = Asked(str(prepared.method), path, headers, body)
        self.asked.append(asked)
        waiting = self.answers.get(f"{asked.method} {asked.path}", [problem(404, "unknown_recovery")])
        found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(found, Answer):
            return found
        raise found


def ok(document: Any, status: int = 200, **headers: str) -> Answer:
    """Return an answer of JSON; names of headers are written with `_` for `-`."""
    given = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return Answer(status, {"content-type": "application/json", **given}, json.dumps(document).encode())


def problem(status: int, reason: str | None = None, **more: Any) -> Answer:
    """Return an RFC 9457 problem."""
    document = {"type": "about:blank", "title": "Refused", "status": status, "detail": "because it is so.", **more}
    return ok(document | ({"reason": reason} if reason else {}), status)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
