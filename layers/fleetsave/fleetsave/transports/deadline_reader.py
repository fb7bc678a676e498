"""Reading from a socket so that neither a silence nor the whole can take longer than its limit."""

import io
import socket
import time


class DeadlineReader(io.RawIOBase):
    """What `http.client` reads an answer from. A byte now and then does not help a sender: the whole has its limit too.

    Reading raises TimeoutError after `stall_seconds` of silence, and once `seconds`, or what `grant` gave since, are over.
    """

    def __init__(self, sock: socket.socket, stall_seconds: float, seconds: float) -> None:
        self._sock = sock
        self._stall_seconds = stall_seconds
        self.grant(seconds)

    def grant(self, seconds: float) -> None:
        """Let everything that is read from now on take so many seconds."""
        self._until = time.monotonic() + seconds

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what http.client asks a socket for."""
        return io.BufferedReader(self, 64 << 10)

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a narrower type than typeshed's Buffer
        """Read what is there into a buffer, and return how much that is; 0 at the end."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(min(left, self._stall_seconds))
        return self._sock.recv_into(buffer)
