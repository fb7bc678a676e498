"""HTTP to REST proxy events, as API Gateway does it, so that an HTTP client can ask the real handler without a network."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from fleetsave.api.door import Api
from fleetsave.api.ports import ApiPorts
from tests.functions.context import context
from tests.unit.api.world import World, rest_event

Start = Callable[[str, list[tuple[str, str]]], Any]


class Gateway:
    """A WSGI application in front of the API; each request meets the world that `make` makes for it."""

    def __init__(self, make: Callable[[], World]) -> None:
        self._make = make
        self._world = make()
        self._api = Api(self._ports)
        self.answered: list[int] = []
        self.signed: list[bool] = []

    def _ports(self) -> ApiPorts:
        return self._world.api_ports()

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        self._world = self._make()
        answer = self._api.answer(_event(environ), context())
        status = HTTPStatus(answer["statusCode"])
        self.signed.append(environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4-HMAC-SHA256 "))
        self.answered.append(status.value)
        headers = [(name, value) for name, values in answer["multiValueHeaders"].items() for value in values]
        start(f"{status.value} {status.phrase}", headers)
        return [answer["body"].encode()]


def _event(environ: dict[str, Any]) -> dict[str, Any]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    headers = {name[5:].replace("_", "-").title(): value for name, value in environ.items() if name.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        headers["Content-Type"] = environ["CONTENT_TYPE"]
    path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
    text = body.decode(errors="replace") if body else None
    made = rest_event(environ["REQUEST_METHOD"], path, text, parse_qs(environ["QUERY_STRING"], keep_blank_values=True), headers)
    if "Content-Type" not in headers:
        made["headers"].pop("Content-Type", None)
        made["multiValueHeaders"].pop("Content-Type", None)
    return made
