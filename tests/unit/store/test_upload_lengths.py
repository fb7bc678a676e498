"""How long a stream is: as long as it said, or, where nobody could say, as long as it lasts; and as many parts as fit."""

import hashlib
import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetsave.model.errors import CaptureError
from fleetsave.model.kinds import Compression
from fleetsave.store.upload import complete, upload_stream
from tests.fakes.memory_store import MemoryStore
from tests.unit.store.uploading import begin, never, pieces, plain_of, upload


@pytest.mark.parametrize("compression", list(Compression))
def test_a_stream_that_ends_early_is_refused_and_may_go_on(compression: Compression) -> None:
    store = MemoryStore(minimum_part_size=0)
    with pytest.raises(CaptureError, match="ended after 1999 bytes where the snapshot has 2000") as refused:
        upload(store, begin(store, 2000, compression), pieces(bytes(1999), 100))
    assert refused.value.retryable


@pytest.mark.parametrize("surplus", [1, 100])
def test_a_stream_that_grows_is_refused(surplus: int) -> None:
    store = MemoryStore(minimum_part_size=0)
    with pytest.raises(CaptureError, match=f"grew to {2000 + surplus} bytes where the snapshot has 2000") as refused:
        upload(store, begin(store, 2000), pieces(bytes(2000 + surplus), 1000))
    assert not refused.value.retryable


def test_a_stream_without_end_is_refused_as_soon_as_it_grows() -> None:
    store = MemoryStore(minimum_part_size=0)
    with pytest.raises(CaptureError):
        upload(store, begin(store, 2000), itertools.repeat(bytes(64)))


def test_parts_grow_where_ten_thousand_would_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetsave.store.upload._PARTS_AIMED_AT", 90)
    store = MemoryStore(minimum_part_size=0)
    progress = begin(store, 300, Compression.NONE)
    outcome = upload_stream(
        store, progress, iter([bytes(300)]), save=lambda _: None, should_pause=never, part_size=1, frame_size=1
    )
    assert len(outcome.progress.parts) == 75


def test_an_upload_of_nothing_is_a_mistake() -> None:
    store = MemoryStore()
    with pytest.raises(ValueError, match="at least one plain byte"):
        upload(store, begin(store, 0), iter([]))


@settings(deadline=None, max_examples=100)
@given(st.binary(min_size=1, max_size=3000), st.integers(1, 400), st.sampled_from(Compression))
def test_a_stream_of_unknown_length_ends_where_it_ends(data: bytes, piece: int, compression: Compression) -> None:
    store = MemoryStore(minimum_part_size=0)
    outcome = upload(store, replace(begin(store, 1, compression), plain_size=None), pieces(data, piece))
    assert outcome.finished
    assert (outcome.progress.plain_size, outcome.plain_sha256) == (len(data), hashlib.sha256(data).hexdigest())
    complete(store, outcome.progress)
    assert plain_of(store, compression) == data


def test_a_stream_of_unknown_length_without_a_byte_is_refused() -> None:
    store = MemoryStore()
    with pytest.raises(CaptureError, match="not one byte"):
        upload(store, replace(begin(store, 1), plain_size=None), iter([]))


def test_parts_of_a_stream_of_unknown_length_grow_lest_there_be_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleetsave.store.upload._PARTS_OF_A_SIZE", 4)
    store, data = MemoryStore(minimum_part_size=0), random.Random(5).randbytes(20_000)
    outcome = upload(store, replace(begin(store, 1, Compression.NONE), plain_size=None), pieces(data, 100))
    sizes = [part.size for part in outcome.progress.parts]
    assert sizes[:-1] == sorted(sizes[:-1])
    assert sizes[0] < sizes[-2]
    complete(store, outcome.progress)
    assert plain_of(store, Compression.NONE) == data
