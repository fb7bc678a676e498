"""Whatever ends paramiko's reading thread reaches us as an error that we expect."""

import socket
import struct
from collections.abc import Iterator

import paramiko
import pytest
from cryptography.exceptions import InvalidTag

from fleetsave.transports.connection import SshThread


@pytest.fixture
def thread() -> Iterator[SshThread]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield SshThread(ours)


@pytest.mark.parametrize("error", [InvalidTag(), struct.error("unpack requires a buffer of 4 bytes"), ValueError("odd")])
def test_bytes_that_were_changed_on_their_way_are_an_error_of_ssh(thread: SshThread, error: Exception) -> None:
    thread.saved_exception = error
    told = thread.get_exception()
    assert isinstance(told, paramiko.SSHException)
    assert type(error).__name__ in str(told)
    assert told.__cause__ is error
    assert thread.get_exception() is None


@pytest.mark.parametrize("error", [None, OSError("reset"), EOFError(), paramiko.PasswordRequiredException("which one it was")])
def test_what_paramiko_names_itself_stays_what_it_is(thread: SshThread, error: Exception | None) -> None:
    thread.saved_exception = error
    assert thread.get_exception() is error
