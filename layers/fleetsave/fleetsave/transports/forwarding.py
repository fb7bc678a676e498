"""A port of ours that leads, through a server's pinned SSH connection, to a port that only that server can reach."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from fleetsave.model.errors import TransportError
from fleetsave.model.fleet_parts import Ssh
from fleetsave.transports.connection import Connection, Login

LOOPBACK = "127.0.0.1"
_CHUNK = 256 << 10


class Forwarding:
    """Connections to `port` of the loopback address come out at `host` and `there`, as the server sees them.

    `error` is why the last connection found no way through; whoever connected only saw it close.
    """

    def __init__(self, connection: Connection, host: str, there: int) -> None:
        self.error: TransportError | None = None
        self._connection = connection
        self._target = (host, there)
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name=f"forward to {host}:{there}", daemon=True).start()

    def close(self) -> None:
        """Take no more connections and end those there are; closing twice is no error."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._connection.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                channel = self._connection.forward(*self._target)
            except TransportError as error:
                self.error = error
                return
            outwards = threading.Thread(target=_copy, args=(client, channel), daemon=True)
            outwards.start()
            _copy(channel, client)
            # Nothing more will come from there: whoever waits for it here must hear so, and so must the other thread.
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            with suppress(OSError, EOFError):  # to close it takes a message, and the connection may be gone by now
                channel.close()
            outwards.join()


@contextmanager
def forwarded(ssh: Ssh, private_key: str, host: str, port: int, *, stall_seconds: float = 20) -> Iterator[Forwarding]:
    """Lend a forwarding through `ssh`, whose host key is checked before anything else.

    Raise ConfigurationError for a key that cannot be read, HostKeyError, AuthenticationError or TransportError.
    """
    forwarding = Forwarding(Login(ssh, private_key, stall_seconds=stall_seconds).connect(), host, port)
    try:
        yield forwarding
    finally:
        forwarding.close()


def _copy(source: Any, destination: Any) -> None:
    """Copy bytes until either side ends; what broke them is for the two ends to notice, in their own protocol."""
    try:
        while chunk := source.recv(_CHUNK):
            destination.sendall(chunk)
    except (OSError, EOFError):
        return
    finally:
        with suppress(OSError, EOFError):
            if isinstance(destination, socket.socket):
                destination.shutdown(socket.SHUT_WR)
            else:
                destination.shutdown_write()
