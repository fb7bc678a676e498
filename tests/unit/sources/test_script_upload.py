"""A copy is sent over as many connections as it takes, and goes on after what has arrived."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from fleetsave.model.errors import RestoreError, TransportError
from fleetsave.sources.script_upload import Pending, Script, ScriptUpload
from fleetsave.transports.base import Process


class Taking:
    """A script that keeps what it is sent; it breaks after `breaks_at` bytes, and then has `last_words` to say, if any."""

    def __init__(self) -> None:
        self.taken = b""
        self.offsets: list[int] = []
        self.breaks_at: int | None = None
        self.last_words: Exception | None = None
        self.has_all = False
        self.killed = 0

    def start(self, operation: str, **values: Any) -> tuple[Process, Any]:
        assert operation == "tree_receive"
        self.offsets.append(values["offset"])
        return cast("Process", self), {"received": len(self.taken)} if self.has_all else {"ready": values["offset"]}

    def write(self, data: bytes) -> None:
        if self.breaks_at is not None and len(self.taken) + len(data) > self.breaks_at:
            raise TransportError("write", "server", "it is gone", "Try again.", retryable=True)
        self.taken += data

    def close_input(self) -> None:
        """Take the end of the input."""

    def kill(self) -> None:
        self.killed += 1

    def read_reply(self, process: Process, *, timeout: float) -> Any:
        assert process is cast("Process", self)
        assert timeout > 0
        if self.last_words is not None:
            raise self.last_words
        return {"received": len(self.taken)}


class Upload:
    def __init__(self, leg_bytes: int = 1000) -> None:
        self.script, self.told, self.reconnected = Taking(), list[int](), 0
        self._upload = ScriptUpload(
            cast("Script", self.script), "tree_receive", {"path": "/srv"}, deadline=5.0, reconnect=self._reconnect,
            read_received=lambda reply: reply["received"], leg_bytes=leg_bytes,
        )  # fmt: skip

    def _reconnect(self) -> None:
        self.reconnected += 1

    def send(self, *chunks: bytes, offset: int = 0) -> None:
        self._upload.send(offset, iter(chunks), self.told.append)


def test_everything_is_sent_and_told() -> None:
    upload = Upload()
    upload.send(b"ab", b"", b"c")
    assert (upload.script.taken, upload.told, upload.script.killed, upload.reconnected) == (b"abc", [2, 3], 1, 0)


def test_a_long_copy_goes_over_several_connections() -> None:
    upload = Upload(leg_bytes=2)
    upload.send(b"ab", b"cd", b"e")
    assert (upload.script.taken, upload.script.offsets) == (b"abcde", [0, 2, 4])
    assert (upload.script.killed, upload.reconnected) == (3, 2)


def test_nothing_is_sent_to_a_server_that_has_all() -> None:
    upload = Upload()
    upload.script.has_all = True
    upload.send(b"abc")
    assert (upload.script.taken, upload.script.killed) == (b"", 1)


def test_nothing_is_asked_where_nothing_is_to_be_sent() -> None:
    upload = Upload()
    upload.send()
    assert upload.script.offsets == []


def test_a_broken_connection_is_an_error_and_the_process_is_dropped() -> None:
    upload = Upload()
    upload.script.breaks_at = 2
    with pytest.raises(TransportError):
        upload.send(b"ab", b"cd")
    assert (upload.script.taken, upload.told, upload.script.killed) == (b"ab", [2], 1)


def test_what_the_script_says_of_its_end_is_the_error() -> None:
    upload = Upload()
    upload.script.breaks_at = 0
    upload.script.last_words = RestoreError("restore", "/srv", "the disk is full", "Make room.", reason="disk_full")
    with pytest.raises(RestoreError, match="disk is full"):
        upload.send(b"ab")


def test_pending_looks_one_chunk_ahead_and_skips_empty_ones() -> None:
    asked: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number, chunk in enumerate((b"a", b"", b"b")):
            asked.append(number)
            yield chunk

    pending = Pending(chunks())
    assert (pending.has_more, asked) == (True, [0])
    assert (pending.next(), asked) == (b"a", [0, 1, 2])
    assert (pending.next(), pending.has_more, pending.next()) == (b"b", False, b"")
