"""Work is done a few at a time, handed over in order, and not begun once something went wrong."""

import threading
from functools import partial

import pytest

from fleetsave.prune.abreast import abreast


class Crowd:
    """Counts who is at work, and lets nobody go before as many are as may be."""

    def __init__(self, least: int) -> None:
        self.begun: list[int] = []
        self.most = 0
        self._at_work = 0
        self._lock = threading.Lock()
        self._together = threading.Barrier(least)

    def work(self, number: int) -> int:
        with self._lock:
            self.begun.append(number)
            self._at_work += 1
            self.most = max(self.most, self._at_work)
        self._together.wait(10)
        with self._lock:
            self._at_work -= 1
        return number * number


def test_as_many_work_as_may_and_what_they_did_comes_in_order() -> None:
    crowd = Crowd(4)
    assert list(abreast(crowd.work, range(20), concurrency=4)) == [number * number for number in range(20)]
    assert crowd.most == 4


def test_no_more_is_begun_than_is_taken() -> None:
    crowd = Crowd(1)
    results = abreast(crowd.work, range(1000), concurrency=2)
    assert next(results) == 0
    assert len(crowd.begun) <= 5


def test_what_one_raises_is_raised_and_the_rest_is_not_begun() -> None:
    begun: list[int] = []
    with pytest.raises(ZeroDivisionError):
        list(abreast(partial(_divide, begun), range(1000), concurrency=2))
    assert len(begun) <= 6


def _divide(begun: list[int], number: int) -> float:
    begun.append(number)
    return 1 / (number - 1)
