"""A bad network: a TCP proxy on the loopback address whose connections break or fall silent where the test says."""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Passes:
    """Let `size` bytes of the server through to the client; then cut the connection, or say nothing more and end nothing."""

    size: int
    then_silent: bool = False


class Proxy:
    """Takes connections to `port` and forwards them; each has the next of the plans, those after the last pass unhindered."""

    def __init__(self, upstream: int, plans: Iterable[Passes]) -> None:
        self._upstream = upstream
        self._plans = iter(plans)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._upstream))
                self._open += [client, server]
                self.connections += 1
                plan = next(self._plans, None)
                threading.Thread(target=_forward, args=(client, server, None), daemon=True).start()
                threading.Thread(target=_forward, args=(server, client, plan), daemon=True).start()


@contextmanager
def bad_network(upstream: int, *plans: Passes) -> Iterator[Proxy]:
    proxy = Proxy(upstream, plans)
    try:
        yield proxy
    finally:
        proxy.close()


def _forward(source: socket.socket, target: socket.socket, plan: Passes | None) -> None:
    left = plan.size if plan else None
    with suppress(OSError):
        while data := source.recv(65536):
            if left is not None:
                data = data[:left]
                left -= len(data)
            target.sendall(data)
            if left == 0:
                if plan and plan.then_silent:
                    return
                break
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
