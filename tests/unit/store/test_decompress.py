"""Stored bytes back to plain bytes: all of them, in little memory, or an error."""

import contextlib
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.kinds import Compression
from fleetsave.store.decompress import DamagedStreamError, plain_chunks
from fleetsave.store.frames import frames

SKIPPABLE = bytes.fromhex("502a4d1803000000") + b"any"


def stored(*plains: bytes) -> bytes:
    return b"".join(zstandard.ZstdCompressor(write_checksum=True).compress(plain) for plain in plains)


def pieces(data: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def plain_of(data: bytes, size: int = 1 << 16) -> bytes:
    return b"".join(plain_chunks(pieces(data, size), Compression.ZSTD))


@given(
    plain=st.binary(min_size=1, max_size=2000),
    frame=st.integers(1, 700),
    piece=st.integers(1, 700),
    compression=st.sampled_from(Compression),
)
def test_frames_come_back_as_they_were(plain: bytes, frame: int, piece: int, compression: Compression) -> None:
    cut = list(frames(pieces(plain, piece), compression, frame))
    assert b"".join(each.plain for each in cut) == plain
    assert [len(each.plain) for each in cut[:-1]] == [frame] * (len(cut) - 1)
    body = b"".join(each.stored for each in cut)
    assert b"".join(plain_chunks(pieces(body, piece), compression)) == plain


def test_what_other_tools_write_is_read_too() -> None:
    streamed = zstandard.ZstdCompressor().compressobj()
    without_size = streamed.compress(b"abc" * 100_000) + streamed.flush()
    assert plain_of(without_size + SKIPPABLE + stored(b"", b"end")) == b"abc" * 100_000 + b"end"


@given(st.data())
def test_a_stream_cut_anywhere_but_between_frames_is_damaged(data: st.DataObject) -> None:
    first, second = stored(b"first" * 50), stored(bytes(range(256)) * 3)
    whole = first + second
    cut = data.draw(st.integers(1, len(whole) - 1).filter(lambda at: at != len(first)))
    with pytest.raises(DamagedStreamError, match="decompress stream"):
        plain_of(whole[:cut], data.draw(st.integers(1, len(whole))))


@pytest.mark.parametrize("garbage", [b"x", b"\0" * 4, b"garbage that goes on", stored(b"next")[:-1]])
def test_whatever_follows_the_last_frame_is_damage(garbage: bytes) -> None:
    with pytest.raises(DamagedStreamError):
        plain_of(stored(b"content") + garbage)


@given(st.integers(min_value=0))
def test_a_flipped_bit_never_gives_other_bytes(place: int) -> None:
    plain = bytes(range(256)) * 8
    altered = bytearray(stored(plain))
    altered[place // 8 % len(altered)] ^= 1 << place % 8
    with contextlib.suppress(DamagedStreamError):
        assert plain_of(bytes(altered)) == plain


def test_a_bomb_comes_out_in_small_chunks() -> None:
    bomb = stored(bytes(64 << 20))
    assert len(bomb) < 10_000
    sizes = [len(chunk) for chunk in plain_chunks(iter([bomb]), Compression.ZSTD)]
    assert sum(sizes) == 64 << 20
    assert max(sizes) <= 1 << 20


def test_a_frame_that_asks_for_much_memory_is_refused() -> None:
    greedy = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=greedy).compressobj()
    with pytest.raises(DamagedStreamError, match="too much memory"):
        plain_of(compressor.compress(bytes(20 << 20)) + compressor.flush())


def test_uncompressed_bytes_come_in_small_chunks_too() -> None:
    chunks = list(plain_chunks(iter([bytes(3 << 20), b"end"]), Compression.NONE))
    assert b"".join(chunks) == bytes(3 << 20) + b"end"
    assert max(map(len, chunks)) == 1 << 20


def test_what_the_store_raises_goes_through() -> None:
    def missing() -> Iterator[bytes]:
        raise ObjectNotFoundError("read", "key", "there is none", "Check the key.")
        yield b""

    with pytest.raises(ObjectNotFoundError):
        list(plain_chunks(missing(), Compression.ZSTD))
