"""The streaming upload: whatever is cut, paused or broken, the object is the plain bytes or there is none."""

import hashlib
import itertools
import threading
from collections.abc import Iterator
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetsave.model.errors import ObjectNotFoundError, StoreError, TransportError
from fleetsave.model.kinds import Compression
from fleetsave.store.base import PartReceipt
from fleetsave.store.upload import UploadProgress, complete, upload_stream
from tests.fakes.memory_store import MemoryStore
from tests.unit.store.uploading import BROKEN, KEY, begin, pieces, plain_of, upload


def assert_no_thread_is_left() -> None:
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("upload")] == []


@settings(deadline=None, max_examples=150)
@given(
    data=st.binary(min_size=1, max_size=3000),
    repeat=st.integers(1, 4),
    chunk=st.integers(1, 700),
    frame=st.integers(1, 400),
    part=st.integers(1, 900),
    workers=st.integers(1, 3),
    compression=st.sampled_from(Compression),
    pauses=st.lists(st.booleans(), max_size=12),
    faults=st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=4),
)
def test_any_course_of_pauses_and_failures_ends_in_the_same_object(
    data: bytes,
    repeat: int,
    chunk: int,
    frame: int,
    part: int,
    workers: int,
    compression: Compression,
    pauses: list[bool],
    faults: list[tuple[int, bool]],
) -> None:
    plain = data * repeat
    store = MemoryStore(minimum_part_size=0)
    for call, after in faults:
        store.fail("upload_part", BROKEN, call=call, after=after)
    saved = [begin(store, len(plain), compression)]
    coming = iter(pauses)
    for _ in itertools.count():
        began_at = saved[-1].plain_offset
        try:
            outcome = upload_stream(
                store,
                saved[-1],
                pieces(plain[began_at:], chunk),
                save=saved.append,
                should_pause=lambda: next(coming, False),
                part_size=part,
                workers=workers,
                frame_size=frame,
            )
        except StoreError:
            continue
        assert outcome.progress == saved[-1]
        if outcome.finished:
            break
    info = complete(store, outcome.progress)

    assert plain_of(store, compression) == plain
    assert info.size == sum(record.size for record in outcome.progress.parts)
    assert [later.parts[:-1] for later in saved[1:]] == [earlier.parts for earlier in saved[:-1]]
    assert store.held_parts_peak <= workers
    if began_at == 0:
        assert outcome.plain_sha256 == hashlib.sha256(plain).hexdigest()
        assert outcome.stored_sha256 == hashlib.sha256(store.get(KEY)).hexdigest()
    else:
        assert (outcome.plain_sha256, outcome.stored_sha256) == (None, None)
    assert_no_thread_is_left()


class SlowStore(MemoryStore):
    """Takes no part until it is told to."""

    def __init__(self) -> None:
        super().__init__(minimum_part_size=0)
        self.go_on = threading.Event()
        self.all_workers_wait = threading.Barrier(3)

    def upload_part(self, key: str, upload_id: str, number: int, body: bytes) -> PartReceipt:
        if not self.go_on.is_set():
            self.all_workers_wait.wait(10)
            self.go_on.wait(10)
        return super().upload_part(key, upload_id, number, body)


def test_reading_waits_for_a_slow_store() -> None:
    store, read = SlowStore(), [0]

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            read[0] += 1
            yield bytes(100)

    progress = begin(store, 10_000, Compression.NONE)
    uploading = threading.Thread(target=upload, args=(store, progress, endless()), kwargs={"workers": 2})
    uploading.start()
    store.all_workers_wait.wait(10)  # both workers hold a part, and a third is cut while they do
    threading.Event().wait(0.2)  # time in which a reader without bounds would have read everything
    assert read[0] <= 3 * 3 + 1
    store.go_on.set()
    uploading.join(10)
    assert read[0] == 100


def test_parts_are_saved_in_order_though_they_arrive_in_any() -> None:
    class LateFirst(MemoryStore):
        second_is_there = threading.Event()

        def upload_part(self, key: str, upload_id: str, number: int, body: bytes) -> PartReceipt:
            if number == 1:
                assert self.second_is_there.wait(10)
            receipt = super().upload_part(key, upload_id, number, body)
            if number == 2:
                self.second_is_there.set()
            return receipt

    saved: list[UploadProgress] = []
    store = LateFirst(minimum_part_size=0)
    upload(store, begin(store, 2000, Compression.NONE), pieces(bytes(2000), 77), save=saved.append)
    assert [[part.number for part in progress.parts] for progress in saved] == [
        list(range(1, count + 1)) for count in range(1, 8)
    ]
    assert [progress.plain_offset for progress in saved] == [300, 600, 900, 1200, 1500, 1800, 2000]


def test_what_the_stream_raises_goes_through_and_stops_everything() -> None:
    def breaking() -> Iterator[bytes]:
        yield bytes(700)
        raise TransportError("read", "server_001", "the line went dead", "Wait.", retryable=True)

    store = MemoryStore(minimum_part_size=0)
    progress = begin(store, 5000)
    with pytest.raises(TransportError):
        upload(store, progress, breaking())
    assert_no_thread_is_left()
    with pytest.raises(ObjectNotFoundError):
        store.head(KEY)


def test_a_part_that_fails_stops_the_reading() -> None:
    store = MemoryStore(minimum_part_size=0)
    store.fail("upload_part", BROKEN, call=2)
    read = itertools.count()

    def long() -> Iterator[bytes]:
        for _ in range(100_000):
            next(read)
            yield bytes(100)

    with pytest.raises(StoreError, match="the connection broke"):
        upload(store, begin(store, 10_000_000, Compression.NONE), long())
    assert next(read) < 100_000
    assert_no_thread_is_left()


def test_a_save_that_fails_goes_through() -> None:
    def refuse(_: UploadProgress) -> NoReturn:
        raise BROKEN

    store = MemoryStore(minimum_part_size=0)
    with pytest.raises(StoreError):
        upload(store, begin(store, 2000, Compression.NONE), pieces(bytes(2000), 100), save=refuse)
    assert_no_thread_is_left()


def test_a_pause_leaves_the_rest_unread() -> None:
    store, read = MemoryStore(minimum_part_size=0), itertools.count()

    def counted() -> Iterator[bytes]:
        for piece in pieces(bytes(5000), 100):
            next(read)
            yield piece

    asked = itertools.count()
    outcome = upload(store, begin(store, 5000, Compression.NONE), counted(), should_pause=lambda: next(asked) >= 6)
    assert not outcome.finished
    assert outcome.progress.plain_offset == 600
    assert next(read) == 7
    assert (outcome.plain_sha256, outcome.stored_sha256) == (None, None)


def test_nothing_pauses_after_the_last_byte() -> None:
    store = MemoryStore(minimum_part_size=0)
    outcome = upload(store, begin(store, 100, Compression.NONE), iter([bytes(100)]), should_pause=lambda: True)
    assert outcome.finished


def test_a_run_that_finds_nothing_left_to_read_is_finished() -> None:
    store = MemoryStore(minimum_part_size=0)
    done = upload(store, begin(store, 100), iter([bytes(100)])).progress
    again = upload(store, done, iter([]))
    assert (again.finished, again.progress) == (True, done)


def test_what_is_not_finished_is_not_completed() -> None:
    store = MemoryStore(minimum_part_size=0)
    with pytest.raises(StoreError, match="its parts hold 0 of 100 plain bytes"):
        complete(store, begin(store, 100))


def test_completing_again_after_a_lost_reply_returns_the_object() -> None:
    store = MemoryStore(minimum_part_size=0)
    progress = upload(store, begin(store, 100), iter([bytes(100)])).progress
    store.fail("complete_upload", BROKEN, after=True)
    with pytest.raises(StoreError):
        complete(store, progress)
    assert complete(store, progress) == store.head(KEY)
