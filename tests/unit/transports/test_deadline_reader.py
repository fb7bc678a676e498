"""Reading ends when nothing comes, and when the whole takes too long, however steadily it drips."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from fleetsave.transports.deadline_reader import DeadlineReader


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def test_what_comes_is_read_to_its_end(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    there.sendall(b"line\nrest")
    there.close()
    with DeadlineReader(here, 1, 1).makefile("rb") as file:
        assert (file.readline(), file.read()) == (b"line\n", b"rest")


def test_silence_is_waited_for_no_longer_than_its_limit(pair: tuple[socket.socket, socket.socket]) -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        DeadlineReader(pair[0], 0.2, 60).makefile("rb").read(1)
    assert 0.15 < time.monotonic() - started < 2


def test_a_byte_now_and_then_does_not_lengthen_the_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    over = threading.Event()

    def drip() -> None:
        while not over.wait(0.05):
            there.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        DeadlineReader(here, 5, 0.5).makefile("rb").read(1000)
    over.set()
    thread.join()
    assert 0.4 < time.monotonic() - started < 3


def test_more_time_can_be_granted(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    reader = DeadlineReader(here, 5, 0)
    file = reader.makefile("rb")
    there.sendall(b"x")
    with pytest.raises(TimeoutError):
        file.read(1)
    reader.grant(5)
    assert file.read(1) == b"x"
