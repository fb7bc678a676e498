"""Two pieces of work on one store, one call of the store at a time, in an order that a seed decides."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from fleetsave.store.base import ObjectStore

One = TypeVar("One")
Other = TypeVar("Other")

_TIMEOUT_SECONDS = 30


class _Turns:
    """Says whose call is next; the seed also decides how much more often it is the one's than the other's."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._condition = threading.Condition()
        self._share = self._random.random()
        self._at_work = [0, 1]
        self._next = self._draw()

    @contextmanager
    def turn(self, who: int) -> Iterator[None]:
        with self._condition:
            assert self._condition.wait_for(lambda: self._next == who, timeout=_TIMEOUT_SECONDS)
            try:
                yield
            finally:
                self._choose()

    def leave(self, who: int) -> None:
        with self._condition:
            self._at_work.remove(who)
            self._choose()

    def _choose(self) -> None:
        if self._at_work:
            self._next = self._draw()
            self._condition.notify_all()

    def _draw(self) -> int:
        return self._at_work[0] if self._random.random() < self._share else self._at_work[-1]


class _InTurn:
    """A store whose every call waits for its turn; a listing is made in one."""

    def __init__(self, store: ObjectStore, turns: _Turns, who: int) -> None:
        self._store = store
        self._turns = turns
        self._who = who

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def call(*given: Any, **named: Any) -> Any:
            with self._turns.turn(self._who):
                result = method(*given, **named)
                return iter(list(result)) if name in ("list", "read") else result

        return call


def interleave(
    store: ObjectStore, one: Callable[[ObjectStore], One], other: Callable[[ObjectStore], Other], *, seed: int
) -> tuple[One, Other]:
    """Do both side by side and return what they returned. Raise what one of them raised."""
    turns = _Turns(seed)
    results: dict[int, Any] = {}
    errors: list[BaseException] = []

    def work(who: int, what: Callable[[ObjectStore], Any]) -> None:
        try:
            results[who] = what(cast("ObjectStore", _InTurn(store, turns, who)))
        except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
            errors.append(error)
        finally:
            turns.leave(who)

    threads = [threading.Thread(target=work, args=(who, what)) for who, what in enumerate((one, other))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_TIMEOUT_SECONDS)
    if errors:
        raise errors[0]
    return results[0], results[1]
