"""A manifest is read in any pieces, hashed on its way, and whatever is none is one kind of error."""

import hashlib
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.archives import manifest_reading
from fleetsave.archives.manifest_reading import MalformedManifestError, ManifestReading
from tests.fixtures.archive_pieces import game_folder
from tests.fixtures.stored_archives import SNAPSHOT_ID, assemble

MANIFEST = assemble(game_folder()).manifest


def reading(chunks: Iterator[bytes], maximum: int = 1 << 30) -> ManifestReading:
    return ManifestReading(chunks, "manifest", maximum=maximum)


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
def test_entries_are_those_that_were_written_whatever_pieces_come(size: int) -> None:
    read = reading(MANIFEST[start : start + size] for start in range(0, len(MANIFEST), size))
    entries = list(read.entries())
    assert [entry.path for entry in entries] == [piece.entry.path for piece in game_folder() if piece.entry]
    assert (read.size, read.sha256) == (len(MANIFEST), hashlib.sha256(MANIFEST).hexdigest())
    assert read.snapshot_id == SNAPSHOT_ID


@given(st.integers(0, len(MANIFEST) - 1), st.integers(1, 255))
def test_a_byte_that_was_changed_gives_entries_or_one_kind_of_error(position: int, difference: int) -> None:
    changed = bytearray(MANIFEST)
    changed[position] ^= difference
    read = reading(iter([bytes(changed)]))
    with suppress(MalformedManifestError):
        assert len(list(read.entries())) <= len(game_folder())
        assert read.sha256 != hashlib.sha256(MANIFEST).hexdigest()


@given(st.binary(max_size=200))
def test_noise_is_no_manifest(noise: bytes) -> None:
    with pytest.raises(MalformedManifestError):
        list(reading(iter([noise])).entries())


def test_no_more_is_read_than_was_reported() -> None:
    with pytest.raises(MalformedManifestError, match=f"more than {len(MANIFEST)} bytes"):
        list(reading(chain([MANIFEST], repeat(b"\n" * 1_000)), maximum=len(MANIFEST)).entries())


def test_no_manifest_is_larger_than_any_server_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_reading, "MAXIMUM_SIZE", 1_000)
    with pytest.raises(MalformedManifestError, match="more than 1000 bytes"):
        list(reading(iter([MANIFEST]), maximum=1 << 62).entries())


def test_a_line_without_an_end_is_not_gathered() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(MalformedManifestError, match="a line has more than"):
            list(reading(chain([MANIFEST], repeat(b"x" * (1 << 20)))).entries())
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_what_the_stream_raises_goes_through() -> None:
    def broken() -> Iterator[bytes]:
        yield MANIFEST[:300]
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        list(reading(broken()).entries())
