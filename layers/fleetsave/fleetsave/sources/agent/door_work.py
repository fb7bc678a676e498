"""The work itself: the script below, in a process of its own for each request, asked as it is asked over SSH."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from fleetsave.sources.agent.door_client import Client

BLOCK = 64 << 10
QUIET_TICK_SECONDS = 5.0
DATABASES_SCRIPT, FILES_SCRIPT = "--sqlite", "--files"
LONGEST_LINE = 16 << 20
TIME_IS_UP = {"fleetsave": 1, "error": "deadline", "cause": "the agent's seconds_per_request are over"}


class TimeIsUpError(Exception):
    """The work took longer than a request may take."""


RUNNING = set()  # type: set[Work]
CHANGING = threading.Lock()


class Work:
    """A process that does one thing, in this Python: its locks, its memory and its crashes are its own.

    `must_finish` is for what is better done than cut off; `takes_input` tells that the client is still to send some.
    """

    def __init__(
        self, order: "dict[str, Any]", client: Client, seconds: float, *, script: str, must_finish: bool = False
    ) -> None:
        self.must_finish = must_finish
        self.takes_input = False
        self._client = client
        self._until = time.monotonic() + seconds
        self._read = b""
        command = [sys.executable, "-I", os.path.abspath(__file__), script]
        self._process = subprocess.Popen(  # noqa: S603 - it is this very file
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what a crash says may name files
            start_new_session=True,
        )
        with CHANGING:
            RUNNING.add(self)
        self.write((json.dumps(order) + "\n").encode())

    def write(self, data: bytes) -> bool:
        """Give it input, and tell whether it still takes any: it may have ended with a reply that says why."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            while data:
                data = data[self._process.stdin.write(data) :]
        except BrokenPipeError:
            return False
        return True

    def end_input(self) -> None:
        """Let it see the end of its input."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self.takes_input = False
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def output(self) -> "Iterator[bytes]":
        """Yield what it writes, and b"" after each few seconds of silence. Raise ClientGoneError, TimeIsUpError."""
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        descriptor = self._process.stdout.fileno()
        while True:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeIsUpError
            if not self._client.wait_for(descriptor, min(QUIET_TICK_SECONDS, left), talks=self.takes_input):
                yield b""
                continue
            block = os.read(descriptor, BLOCK)
            if not block:
                return
            yield block

    def line(self, tick: "Callable[[], None]" = lambda: None) -> "dict[str, Any]":
        """Return its next reply; `tick` is called after each few seconds of silence."""
        try:
            for block in self.output():
                self._read += block
                if b"\n" in block or len(self._read) > LONGEST_LINE:
                    break
                if not block:
                    tick()
        except TimeIsUpError:
            return TIME_IS_UP
        line, _, self._read = self._read.partition(b"\n")
        try:
            return dict(json.loads(line.decode()))
        except ValueError:
            return {"fleetsave": 1, "error": "io_error", "cause": f"the work ended by itself, with status {self._process.poll()}"}

    def has_succeeded(self) -> bool:
        """Tell whether it ended well, after its output has ended."""
        try:
            return self._process.wait(QUIET_TICK_SECONDS) == 0
        except subprocess.TimeoutExpired:
            return False

    def end(self) -> None:
        """End it, unless it must finish: then wait for as long as it may take."""
        if self.must_finish:
            with suppress(subprocess.TimeoutExpired):
                self._process.communicate(timeout=max(0.0, self._until - time.monotonic()))
        self.kill()

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        with CHANGING:
            RUNNING.discard(self)


def kill_all() -> None:
    """End whatever need not finish: the agent is going down, and what it was asked for will be asked for again."""
    for work in list(RUNNING):
        if not work.must_finish:
            work.kill()
