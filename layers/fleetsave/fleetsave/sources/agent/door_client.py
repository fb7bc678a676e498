"""One client: its TLS connection, and how long it may take for everything."""

import select
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import Any

SLICE = 64 << 10


class ClientGoneError(Exception):
    """The client has left, or is too slow to be waited for; nothing can be said to it any more."""


class Client:
    """A connection that carries one request. Whoever overlooks all of them calls `cut` once `until` has passed."""

    def __init__(self, raw: socket.socket, address: str, limits: "dict[str, Any]", context: ssl.SSLContext) -> None:
        self.address = address
        self.sent = 0
        self._idle_seconds = float(limits["idle_seconds"])
        self._least_rate = int(limits["least_bytes_per_second"])
        self._waited = 0.0
        self._moved = 0
        self._closing = threading.Lock()
        raw.settimeout(self._idle_seconds)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket = context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        self.grant(self._idle_seconds)

    def grant(self, seconds: float) -> None:
        """Let whatever comes next take so many seconds from now, and no more."""
        self.until = time.monotonic() + seconds

    def shake_hands(self) -> None:
        """Begin TLS. Raise OSError, of which ssl's errors are, for a client that does not."""
        self._socket.do_handshake()

    def receive(self) -> bytes:
        """Return what comes next, b"" at the end. Raise ClientGoneError if nothing does."""
        begun = time.monotonic()
        try:
            block = self._socket.recv(SLICE)
        except OSError:
            raise ClientGoneError from None
        self._require_pace(begun, len(block))
        return block

    def send(self, data: bytes) -> None:
        """Send all of it. Raise ClientGoneError if the client does not take it."""
        for start in range(0, len(data), SLICE):
            begun = time.monotonic()
            try:
                self._socket.sendall(data[start : start + SLICE])
            except OSError:
                raise ClientGoneError from None
            block = min(SLICE, len(data) - start)
            self.sent += block
            self._require_pace(begun, block)

    def wait_for(self, output: int, seconds: float, *, talks: bool) -> bool:
        """Wait until `output`, a descriptor, can be read, and tell whether it can.

        Raise ClientGoneError if the client leaves meanwhile; of one that still `talks` that shows later.
        """
        poll = select.poll()
        poll.register(output, select.POLLIN)
        if not talks:
            poll.register(self._socket, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(max(0.0, seconds) * 1000)]
        if self._socket.fileno() in ready and output not in ready:
            self.require_presence()
        return output in ready

    def require_presence(self) -> None:
        """Raise ClientGoneError if the client has closed, or goes on talking where it has nothing to say."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except ssl.SSLWantReadError:
            return
        except OSError:
            raise ClientGoneError from None
        finally:
            self._socket.settimeout(self._idle_seconds)
        raise ClientGoneError

    def _require_pace(self, begun: float, size: int) -> None:
        self._waited += time.monotonic() - begun
        self._moved += size
        if self._waited > self._idle_seconds and self._moved < self._waited * self._least_rate:
            raise ClientGoneError

    def cut(self) -> None:
        """End the connection from another thread: whatever waits for it fails at once."""
        with self._closing, suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self, *, unread: bool) -> None:
        """Close it; `unread` tells that the client may still be sending, which would make it miss the answer."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(1)
            for _ in range(64 if unread else 0):
                if not self._socket.recv(SLICE):
                    break
        with self._closing:
            self._socket.close()
