"""A range of a backup's plain bytes is that range, whatever the parts, and nothing before its part is read."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import StoreError
from fleetsave.model.kinds import Compression
from fleetsave.model.records import StoredRecord
from fleetsave.store.decompress import DamagedStreamError
from fleetsave.store.ranges import plain_range
from tests.fakes.memory_store import MemoryStore
from tests.fixtures.archive_pieces import directory, file
from tests.fixtures.stored_archives import ArchiveRoom, assemble

CONTENT = random.Random(3).randbytes(700_000)


def stored(tmp_path: object, compression: Compression) -> tuple[MemoryStore, StoredRecord, bytes]:
    """Store an archive in many parts."""
    room = ArchiveRoom(tmp_path)  # type: ignore[arg-type]  # a folder that nothing is put into
    taken = assemble([directory("files/files"), file("files/files/big", CONTENT)])
    key = room.put_archive(taken, compression=compression)
    return room.store, Catalog(room.store).stored(key), taken.plain


@pytest.mark.parametrize("compression", Compression)
def test_every_range_is_what_stands_there(compression: Compression) -> None:
    store, record, plain = stored("unused", compression)
    assert len(record.parts) > 5

    @given(st.integers(0, len(plain)), st.integers(0, len(plain)))
    @settings(max_examples=60, deadline=None)
    def check(one: int, other: int) -> None:
        begin, end = sorted((one, other))
        assert b"".join(plain_range(store, record, begin, end)) == plain[begin:end]

    check()
    assert b"".join(plain_range(store, record, 0, len(plain))) == plain


@pytest.mark.parametrize(("begin", "end"), [(-1, 5), (5, 4), (0, 10**9)])
def test_a_range_that_is_not_there_is_refused(begin: int, end: int) -> None:
    store, record, _ = stored("unused", Compression.ZSTD)
    with pytest.raises(StoreError, match="not within"):
        list(plain_range(store, record, begin, end))


def test_what_lies_before_the_part_is_never_read() -> None:
    store, record, plain = stored("unused", Compression.ZSTD)
    body = bytearray(store.get(record.key))
    body[: record.parts[0].size] = bytes(record.parts[0].size)
    store.replace(record.key, bytes(body))
    begin = record.parts[0].plain_end
    assert b"".join(plain_range(store, record, begin, len(plain))) == plain[begin:]
    with pytest.raises(DamagedStreamError):
        list(plain_range(store, record, begin - 1, len(plain)))
