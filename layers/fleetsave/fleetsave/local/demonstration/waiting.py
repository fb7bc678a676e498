"""Waiting for something to be seen, and saying what was not."""

import time
from collections.abc import Callable

PATIENCE = 240.0
"""Seconds a scene waits before the demonstration is declared failed."""


class NotSeenError(RuntimeError):
    """What a scene waited for did not happen."""


def wait_for(what: str, seen: Callable[[], bool], *, patience: float = PATIENCE) -> None:
    """Wait until `seen()`. Raise NotSeenError after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not seen():
        if time.monotonic() > deadline:
            raise NotSeenError(f"not seen within {patience:.0f} s: {what}")
        time.sleep(0.5)
