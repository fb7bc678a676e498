"""The same work for many servers, a few at a time, since each spends its time waiting for the store."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_One = TypeVar("_One")
_Result = TypeVar("_Result")


def abreast(work: Callable[[_One], _Result], ones: Iterable[_One], *, concurrency: int) -> Iterator[_Result]:
    """Yield what `work` returns for each, in their order, working on at most `concurrency` at once.

    No more than twice as many results are in memory as are worked on. Raise what `work` raises; what is under way then ends
    first, and the rest is not begun.
    """
    with ThreadPoolExecutor(concurrency, thread_name_prefix="prune") as pool:
        under_way: deque[Future[_Result]] = deque()
        try:
            for one in ones:
                under_way.append(pool.submit(work, one))
                if len(under_way) >= 2 * concurrency:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
