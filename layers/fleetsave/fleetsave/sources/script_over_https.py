"""The on-server script, asked through an agent: what `RemotePython` is over SSH, for restores."""

import json
import time
from typing import Any

from fleetsave.model.errors import InvalidInputError, RemoteFileError
from fleetsave.model.fleet import Server
from fleetsave.sources.sqlite.names import require_match
from fleetsave.sources.sqlite.remote_python import Refuse
from fleetsave.sources.sqlite.restore_refusals import restore_refusal
from fleetsave.transports.base import CommandResult, Process
from fleetsave.transports.https import Answer, HttpsConnection

_SLACK_SECONDS = 30.0
_DATABASE, _FILES = "database", "files"


class HttpsScript:
    """One artifact of one agent that allows restores; `target` is its path, in the fleet file and in the agent's configuration.

    The agent puts its own path, and its own SQL, into every request; what differs is refused by it.
    """

    def __init__(self, connection: HttpsConnection, server: Server, target: str, refuse: Refuse = restore_refusal) -> None:
        self._connection = connection
        self._target = target
        self._refuse = refuse
        self._resource = _resource(server, target)

    def call(self, operation: str, **values: Any) -> Any:
        """Return the reply to a request. Raise the script's refusal, or TransportError."""
        exchange = self._begin(operation, values, takes_input=False)
        try:
            return self.read_reply(exchange, timeout=values.get("deadline", 0) + _SLACK_SECONDS)
        finally:
            exchange.kill()

    def start(self, operation: str, **values: Any) -> tuple[Process, Any]:
        """Start a request that takes input, and return it and its first reply. Raise as `call` does."""
        exchange = self._begin(operation, values, takes_input=True)
        try:
            return exchange, self.read_reply(exchange, timeout=values["deadline"] + _SLACK_SECONDS)
        except BaseException:
            exchange.kill()
            raise

    def read_reply(self, process: Process, *, timeout: float) -> Any:
        """Read the next reply of a request that goes on."""
        assert isinstance(process, HttpsExchange)  # noqa: S101 - it is one that this object gave
        reply = process.read_reply(timeout=timeout)
        if "error" in reply:
            raise self._refuse(self._target, str(reply["error"])[:50], str(reply.get("cause", ""))[:500])
        return reply.get("ok")

    def _begin(self, operation: str, values: dict[str, Any], *, takes_input: bool) -> "HttpsExchange":
        if self._resource is None:
            raise self._refuse(self._target, "not_served", "the fleet file has no artifact at that path on this server")
        line = (json.dumps({"path": self._target, **values}) + "\n").encode()
        try:
            return HttpsExchange(self._connection, f"{self._resource}/{operation}", line, takes_input=takes_input)
        except RemoteFileError as error:
            raise self._refuse(self._target, "not_served", "the agent serves no such artifact, or allows no restores") from error


class HttpsExchange:
    """The port `Process` for one request to an agent: lines come back while input still goes there.

    The head of the answer is read with the first reply, which an agent may send before it has all of the input.
    """

    def __init__(self, connection: HttpsConnection, path: str, order: bytes, *, takes_input: bool) -> None:
        self._answer: Answer = connection.open("POST", path, body=order, more=takes_input)

    def write(self, data: bytes) -> None:
        """Send input."""
        if data:
            self._answer.send(data)

    def close_input(self) -> None:
        """Tell that the input has ended."""
        self._answer.send(b"")

    def read_reply(self, *, timeout: float) -> dict[str, Any]:
        """Return the next reply of the script."""
        return self._answer.read_reply(within=timeout)

    def read_line(self, *, timeout: float) -> bytes:
        """Read one line."""
        return self._answer.read_line(within=timeout)

    def read(self, size: int, *, timeout: float) -> bytes:
        """Read what comes next."""
        return self._answer.read(size, within=timeout)

    def wait(self, *, timeout: float) -> CommandResult:
        """Read to the end; an agent tells no exit status but by how its answer ends."""
        until, output = time.monotonic() + timeout, b""
        while block := self._answer.read(within=max(0.0, until - time.monotonic())):
            output += block
        return CommandResult(0, output, b"")

    def kill(self) -> None:
        """Drop the connection."""
        self._answer.close()


def _resource(server: Server, target: str) -> str | None:
    """Return what an agent calls the artifact at a path, None if the fleet file has none there."""
    for database in server.databases:
        try:
            require_match(database, target)
        except InvalidInputError:
            continue
        return f"/restore/{_DATABASE}/{database.name}"
    for folder in server.file_sets:
        if folder.path == target:
            return f"/restore/{_FILES}/{folder.name}"
    return None
