"""A bound on what somebody else's code may take."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident

from fleetsave.model.errors import ChannelError
from fleetsave.notices.silence import silenced


def within(seconds: float, operation: str, name: str, work: Callable[[], str | None]) -> None:
    """Run `work` in a thread of its own, without a word of it in any log, and wait for it so long.

    `work` returns None, or why it failed, in words without a secret. Raise ChannelError for that, for whatever it raises, of
    which only the kind is told since its text may hold an address, and if it is not through in time. It then goes on by itself
    until its own timeouts end it, and may yet succeed: what is sent again may arrive twice.
    """
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fleetsave-notice")
    try:
        waited_for = executor.submit(_quietly, work)
        error = waited_for.exception(timeout=seconds)
    except TimeoutError:
        raise failure(operation, name, f"it took longer than {seconds:.0f} s", retryable=True) from None
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    if error is not None:
        raise failure(operation, name, f"{type(error).__name__} while sending", retryable=True) from None
    if cause := waited_for.result():
        raise failure(operation, name, cause, retryable=True)


def failure(operation: str, name: str, cause: str, *, retryable: bool) -> ChannelError:
    """Return the error of one channel or ping."""
    hint = "Look at the service, and at this entry of the notice secret; docs/notices.md says how to try it."
    return ChannelError(operation, name, cause, hint, retryable=retryable)


def _quietly(work: Callable[[], str | None]) -> str | None:
    with silenced(get_ident()):
        return work()
