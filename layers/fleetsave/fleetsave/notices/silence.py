"""No address of a channel in a log: what libraries write of their calls is dropped while notices are sent."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_OTHERS = (
    "urllib3.connectionpool",
    "urllib3.connection",
    "urllib3.poolmanager",
    "urllib3.util.retry",
    "requests_oauthlib.oauth1_session",
    "requests_oauthlib.oauth2_session",
)
"""What writes addresses, or the paths of them, beside Apprise; everybody else's calls go through these loggers too."""


class _SilentThreads(logging.Filter):
    """Drops what threads write that are sending."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line may be written."""
        return record.thread not in self.threads


_silent = _SilentThreads()


@contextmanager
def silenced(thread: int) -> Iterator[None]:
    """Let no line of a thread's HTTP calls into any log, and none of Apprise's at all: it is used for nothing else."""
    logging.getLogger("apprise").disabled = True
    for name in _OTHERS:
        logging.getLogger(name).addFilter(_silent)  # adding it again changes nothing
    _silent.threads.add(thread)
    try:
        yield
    finally:
        _silent.threads.discard(thread)
