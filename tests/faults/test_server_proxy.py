"""The proxy between us and a server does what it was told at the very byte, and nothing else."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.fixtures.tcp_proxy import Fault, Harm, TcpProxy, Way

SENT = bytes(range(256)) * 400


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says back what it hears, to the end."""
    listener = socket.create_server(("127.0.0.1", 0))

    def attend(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while block := connection.recv(65536):
                connection.sendall(block)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=attend, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.fixture
def proxy(echo: int) -> Iterator[TcpProxy]:
    with TcpProxy(echo) as made:
        yield made


def exchange(proxy: TcpProxy, *, timeout: float = 10) -> tuple[bytes, type[Exception] | None]:
    """Send SENT and return what comes back until the end, and what ended it if that was no end."""
    heard = bytearray()
    try:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout) as client:
            client.sendall(SENT)
            client.shutdown(socket.SHUT_WR)
            while block := client.recv(65536):
                heard += block
    except OSError as error:
        return bytes(heard), type(error)
    return bytes(heard), None


def test_without_a_plan_everything_passes_and_is_counted(proxy: TcpProxy) -> None:
    assert exchange(proxy) == (SENT, None)
    proxy.drop()
    (traffic,) = proxy.traffic
    assert (traffic.passed, traffic.is_harmed) == ({Way.TO_SERVER: len(SENT), Way.TO_CLIENT: len(SENT)}, False)


@pytest.mark.parametrize("at", [0, 1, 4096, 70_001])
@pytest.mark.parametrize("way", Way)
def test_exactly_so_many_bytes_pass_before_a_cut(proxy: TcpProxy, way: Way, at: int) -> None:
    proxy.plan(Fault(way, at, Harm.END))
    heard, _ = exchange(proxy)
    proxy.drop()
    (traffic,) = proxy.traffic
    assert (traffic.passed[way], traffic.is_harmed) == (at, True)
    assert SENT.startswith(heard)
    assert len(heard) <= at


def test_a_reset_is_told_from_an_end(proxy: TcpProxy) -> None:
    proxy.plan(Fault(Way.TO_CLIENT, 5000, Harm.RESET))
    assert exchange(proxy)[1] is not None


def test_silence_ends_nothing_until_it_is_dropped(proxy: TcpProxy) -> None:
    proxy.plan(Fault(Way.TO_CLIENT, 5000, Harm.SILENCE))
    heard, error = exchange(proxy, timeout=0.5)
    assert (heard, error) == (SENT[:5000], TimeoutError)
    assert proxy.traffic[0].is_harmed
    proxy.drop()


@pytest.mark.parametrize("at", [0, 4096, 70_001])
@pytest.mark.parametrize("way", Way)
def test_one_bit_of_one_byte_is_flipped(proxy: TcpProxy, way: Way, at: int) -> None:
    proxy.plan(Fault(way, at, Harm.FLIP))
    heard, error = exchange(proxy)
    assert error is None
    assert [offset for offset, (ours, theirs) in enumerate(zip(SENT, heard, strict=True)) if ours != theirs] == [at]
    assert (SENT[at] ^ heard[at]).bit_count() == 1


def test_each_connection_has_its_own_fault_and_afterwards_the_network_is_down_if_it_is_told_so(proxy: TcpProxy) -> None:
    proxy.plan(None, Fault(Way.TO_CLIENT, 10, Harm.END), down_afterwards=True)
    assert exchange(proxy) == (SENT, None)
    assert len(exchange(proxy)[0]) <= 10
    assert exchange(proxy)[0] == b""
    proxy.plan()
    assert exchange(proxy) == (SENT, None)


def test_a_slow_proxy_takes_its_time(echo: int) -> None:
    with TcpProxy(echo, bytes_per_second=1_000_000) as slow:
        started = time.monotonic()
        assert exchange(slow) == (SENT, None)
        assert time.monotonic() - started > 0.09


def test_nothing_is_left_of_a_proxy_that_is_closed(echo: int) -> None:
    with TcpProxy(echo) as proxy:
        proxy.plan(Fault(Way.TO_SERVER, 100, Harm.SILENCE))
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            client.sendall(SENT[:1000])
    assert [one for one in threading.enumerate() if type(one).__module__ == TcpProxy.__module__] == []
