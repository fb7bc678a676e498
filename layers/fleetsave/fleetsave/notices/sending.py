"""Sending with somebody else's code: within a bound of time, and without a word of an address in any log."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import get_ident

from fleetsave.model.errors import ChannelError

_WRITE_ADDRESSES = (
    "urllib3.connectionpool",
    "urllib3.connection",
    "urllib3.poolmanager",
    "urllib3.util.retry",
    "requests_oauthlib.oauth1_session",
    "requests_oauthlib.oauth2_session",
)
"""The loggers beside Apprise's that write addresses, or the paths of them; everybody else's calls go through them too."""


class _SilentThreads(logging.Filter):
    """Drops what threads write that are sending."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line may be written."""
        return record.thread not in self.threads


_silent = _SilentThreads()


def within(seconds: float, operation: str, name: str, work: Callable[[], str | None]) -> None:
    """Run `work` in a thread of its own, without a word of it in any log, and wait for it so long.

    `work` returns None, or why it failed, in words without a secret. Raise ChannelError for that, for whatever it raises, of
    which only the kind is told since its text may hold an address, and if it is not through in time. It then goes on by itself
    until its own timeouts end it, and may yet succeed: what is sent again may arrive twice.
    """
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fleetsave-notice")
    try:
        waited_for = executor.submit(_silently, work)
        error = waited_for.exception(timeout=seconds)
    except TimeoutError:
        raise failure(operation, name, f"it took longer than {seconds:.0f} s", retryable=True) from None
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    if error is not None:
        raise failure(operation, name, f"{type(error).__name__} while sending", retryable=True) from None
    if cause := waited_for.result():
        raise failure(operation, name, cause, retryable=True)


@contextmanager
def silence() -> Iterator[None]:
    """Let no line of this thread's HTTP calls into any log, and none of Apprise's at all: it is used for nothing else."""
    thread = get_ident()
    logging.getLogger("apprise").disabled = True
    for name in _WRITE_ADDRESSES:
        logging.getLogger(name).addFilter(_silent)  # adding it again changes nothing
    _silent.threads.add(thread)
    try:
        yield
    finally:
        _silent.threads.discard(thread)


def failure(operation: str, name: str, cause: str, *, retryable: bool) -> ChannelError:
    """Return the error of one channel or ping."""
    hint = "Look at the service, and at this entry of the notice secret; docs/notices.md says how to try it."
    return ChannelError(operation, name, cause, hint, retryable=retryable)


def _silently(work: Callable[[], str | None]) -> str | None:
    with silence():
        return work()
