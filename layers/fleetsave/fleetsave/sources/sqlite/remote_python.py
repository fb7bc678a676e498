"""The server's own Python, running the on-server script."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ValidationError

from fleetsave.model.errors import FleetsaveError
from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.model.records import CaptureReport
from fleetsave.sources.sqlite import server_side
from fleetsave.sources.sqlite.refusals import refusal
from fleetsave.sources.sqlite.replies import read_report
from fleetsave.transports.base import CommandResult, Process, Transport

_SLACK_SECONDS = 30.0
_LEAST_SECONDS = 60.0
_LINES_BEFORE_REPLY = 50
_UNFIT = re.compile(rb"SyntaxError|nknown option|No module named '?_?sqlite3|libsqlite3|ImportError.*sqlite")


Refuse = Callable[[str, str, str], FleetsaveError]
"""Makes an error of what was worked on, the reason, and the cause."""


class NoPythonError(Exception):
    """The server has no Python that can run the script; whoever asked has another way, or refuses by name."""


class RemotePython:
    """One server's Python. `target` names what it works on, in errors; `refuse` makes them, CaptureErrors if left out.

    `message` puts a request together with the script that can answer it.
    """

    def __init__(
        self,
        transport: Transport,
        server: Server,
        target: str,
        refuse: Refuse = refusal,
        message: Callable[[bytes], bytes] = server_side.message,
    ) -> None:
        self._transport = transport
        self._target = target
        self._refuse = refuse
        self._command: Sequence[str] = [server.python or "python3", "-I", "-c", server_side.BOOTSTRAP]
        self._staging = server.staging
        self._pack = message

    def call(self, operation: str, **values: Any) -> Any:
        """Return the reply to a request. Raise the script's refusal, NoPythonError, or TransportError."""
        seconds = max(_LEAST_SECONDS, values.get("deadline", 0) + _SLACK_SECONDS)
        result = self._transport.run(self._command, stdin=self._message(operation, values), timeout=seconds)
        for line in reversed(result.output.splitlines()):
            reply = _parse(line)
            if reply is not None:
                return self._outcome(reply)
        raise self._no_reply(result)

    def start(self, operation: str, **values: Any) -> tuple[Process, Any]:
        """Start a request that goes on, and return its process and its first reply. Raise as `call` does."""
        process = self.begin(operation, **values)
        try:
            return process, self.read_reply(process, timeout=values["deadline"] + _SLACK_SECONDS)
        except BaseException:
            process.kill()
            raise

    def begin(self, operation: str, **values: Any) -> Process:
        """Start a request that goes on, and return its process before it has replied. Raise TransportError."""
        process = self._transport.start(self._command)
        try:
            process.write(self._message(operation, values))
        except BaseException:
            process.kill()
            raise
        return process

    def read_reply(self, process: Process, *, timeout: float) -> Any:
        """Read the next reply of a request that goes on."""
        for _ in range(_LINES_BEFORE_REPLY):
            reply = _parse(process.read_line(timeout=timeout))
            if reply is not None:
                return self._outcome(reply)
        raise self._refuse(self._target, "bad_reply", "it answers with text that is no reply")

    def report(self, reply: Any, **values: Any) -> CaptureReport:
        """Return the capture report a reply holds, completed by `values`. Raise the refusal if it is none."""
        try:
            return read_report({**reply, **values})
        except (ValueError, TypeError) as error:
            raise self._refuse(self._target, "bad_reply", f"its report is not complete: {error}"[:500]) from None

    def require(self, form: type[BaseModel], reply: Any) -> dict[str, Any]:
        """Return a reply that has a form. Raise the refusal if it has not."""
        try:
            form.model_validate(reply)
        except ValidationError as error:
            raise self._refuse(self._target, "bad_reply", f"its reply is not complete: {error}"[:500]) from None
        return dict(reply)

    def _message(self, operation: str, values: dict[str, Any]) -> bytes:
        request = {"operation": operation, "staging": self._staging, **values}
        return self._pack(json.dumps(request).encode())

    def _outcome(self, reply: dict[str, Any]) -> Any:
        if "error" in reply:
            raise self._refuse(self._target, str(reply["error"])[:50], str(reply.get("cause", ""))[:500])
        return reply.get("ok")

    def _no_reply(self, result: CommandResult) -> Exception:
        if result.status in (126, 127) or (result.status and _UNFIT.search(result.errors)):
            return NoPythonError(self._command[0])
        said = result.errors[-300:].decode("utf-8", "backslashreplace").strip()
        return self._refuse(self._target, "bad_reply", f"{self._command[0]} ended with status {result.status} and said {said!r}")


def capture_request(database: SqliteDatabase, source_path: str) -> dict[str, Any]:
    """Return what a request for a capture says; no fingerprint means no checks either."""
    return {
        "path": source_path,
        "deadline": database.deadline / timedelta(seconds=1),
        "lock_limit": database.lock_limit / timedelta(seconds=1),
        "checks": database.checks if database.fingerprint else None,
    }


def _parse(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b"{"):
        return None
    try:
        reply = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return reply if isinstance(reply, dict) and reply.get("fleetsave") == 1 else None
