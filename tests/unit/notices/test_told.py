from dataclasses import replace
from datetime import timedelta

import pytest

from fleetsave.model.errors import StoreError
from fleetsave.notices.notice import Notice, Severity
from fleetsave.notices.told import TOLD_KEY, Known, Told, Waiting, read_told, write_told
from tests.fakes.memory_store import MemoryStore
from tests.fixtures.looks import START, make_problem

FULL = Told(
    known={"too_old:x": Known(make_problem(), START, START, 2, 1, START, None, 3)},
    waiting={"ntfy #1": Waiting((Notice(Severity.OK, "subject", "body"),), 4), "topic": Waiting()},
    pinged={"server_001/database/database": "key"},
    mended={"too_old": 1},
    did={"captures_requeued": 2},
    digest_at=START,
    reminded_at=START,
)


def test_what_is_remembered_comes_back() -> None:
    store = MemoryStore()
    write_told(store, FULL)
    assert read_told(store) == FULL


def test_the_version_is_written_out() -> None:
    store = MemoryStore()
    write_told(store, Told())
    assert store.get(TOLD_KEY) == b'{"version":1}'


def test_nothing_remembered_is_lost() -> None:
    assert read_told(MemoryStore()).lost
    assert not FULL.lost


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"version":2,"digest_at":"2024-02-01T00:00:00Z"}',
        b'{"version":1,"digest_at":"2024-02-01T00:00:00"}',
        (
            b'{"version":1,"digest_at":"2024-02-01T00:00:00Z","known":{"x":{"problem":{"kind":"too_old","what":"x",'
            b'"since":"2024-02-01T00:00:00","command":"y"},"first_seen":"2024-02-01T00:00:00Z"}}}'
        ),
    ],
)
def test_what_is_not_understood_counts_as_lost(content: bytes) -> None:
    store = MemoryStore()
    store.put(TOLD_KEY, content)
    assert read_told(store) == Told()


def test_a_store_that_does_not_answer_is_no_loss_of_memory() -> None:
    store = MemoryStore()
    store.fail("get", StoreError("get", TOLD_KEY, "no answer", "Wait.", retryable=True))
    with pytest.raises(StoreError):
        read_told(store)


def test_no_time_lies_after_now() -> None:
    earlier = START - timedelta(days=1)
    bounded = FULL.not_after(earlier)
    assert (bounded.digest_at, bounded.reminded_at) == (earlier, earlier)
    known = bounded.known["too_old:x"]
    assert (known.first_seen, known.told_at, known.good_since, known.over_at) == (earlier, earlier, earlier, None)
    assert replace(bounded, known=FULL.known, digest_at=START, reminded_at=START) == FULL
