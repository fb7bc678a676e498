"""Sending a copy to the on-server script: over as many connections as it takes, and what arrived stays."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

from fleetsave.model.errors import TransportError
from fleetsave.transports.base import Process

LEG_BYTES = 128 << 20
"""Sent over one connection; see `SshTransport` for why connections are changed before a key exchange falls due."""

_REPLY_SECONDS = 60.0
_LAST_WORDS_SECONDS = 5.0

Received = Callable[[Any], int]
"""Reads from a reply how many bytes the server has; raises the refusal of a reply that does not say it."""


@runtime_checkable
class Script(Protocol):
    """Whatever asks the on-server script, in the words of `RemotePython`; each request is a connection of its own."""

    def call(self, operation: str, **values: Any) -> Any:
        """Return the reply to a request."""
        ...

    def start(self, operation: str, **values: Any) -> tuple[Process, Any]:
        """Start a request that goes on, and return its process and its first reply."""
        ...

    def read_reply(self, process: Process, *, timeout: float) -> Any:
        """Read the next reply of a request that goes on."""
        ...


class ScriptUpload:
    """Sends chunks to one operation of a script, which takes them from `offset` on.

    `reconnect` drops the connection between two legs, `read_received` reads the script's replies, `deadline` is in seconds.
    """

    def __init__(
        self,
        script: Script,
        operation: str,
        request: dict[str, Any],
        *,
        deadline: float,
        read_received: Received,
        reconnect: Callable[[], None],
        leg_bytes: int = LEG_BYTES,
    ) -> None:
        self._script = script
        self._operation = operation
        self._request = request
        self._deadline = deadline
        self._read_received = read_received
        self._reconnect = reconnect
        self._leg_bytes = leg_bytes

    def send(self, offset: int, chunks: Iterator[bytes], told: Callable[[int], None]) -> None:
        """Send what comes after `offset`; `told` hears up to where it was sent. Raise the script's refusal, or TransportError."""
        pending = Pending(chunks)
        while pending.has_more:
            process, ready = self._script.start(self._operation, **{**self._request, "offset": offset})
            try:
                if not isinstance(ready, dict) or "received" in ready:  # the whole copy is there, and checked
                    self._read_received(ready)
                    return
                offset = self._send_leg(process, offset, pending, told)
            finally:
                process.kill()
            if pending.has_more:
                self._reconnect()

    def _send_leg(self, process: Process, offset: int, pending: "Pending", told: Callable[[int], None]) -> int:
        """Send until the leg is over or nothing more comes, and return up to where the server has written."""
        position = offset
        try:
            while position < offset + self._leg_bytes and (chunk := pending.next()):
                process.write(chunk)
                position += len(chunk)
                told(position)
            process.close_input()
        except TransportError:
            # The script may have ended because of a full disk, and said so; else the connection itself is what failed.
            self._script.read_reply(process, timeout=_LAST_WORDS_SECONDS)
            raise
        return self._read_received(self._script.read_reply(process, timeout=self._deadline + _REPLY_SECONDS))


class Pending:
    """Chunks that are still to come, looked one ahead: an upload that is whole needs no further leg."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._ahead = self._take()

    @property
    def has_more(self) -> bool:
        """Tell whether there is one chunk more."""
        return bool(self._ahead)

    def next(self) -> bytes:
        """Return the next chunk, none at the end."""
        chunk, self._ahead = self._ahead, b""
        if chunk:
            self._ahead = self._take()
        return chunk

    def _take(self) -> bytes:
        return next((chunk for chunk in self._chunks if chunk), b"")
