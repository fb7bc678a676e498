"""Uploads in parts of a few bytes, into a store in memory."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from fleetsave.model.errors import StoreError
from fleetsave.model.kinds import Compression
from fleetsave.store.decompress import plain_chunks
from fleetsave.store.upload import UploadOutcome, UploadProgress, upload_stream
from tests.fakes.memory_store import MemoryStore

KEY = "servers/server_001/database/server_001_20240101_120000_database.db.zst"
BROKEN = StoreError("upload part", KEY, "the connection broke", "Wait.", retryable=True)


def never() -> bool:
    """Tell that there is no reason to pause."""
    return False


def begin(store: MemoryStore, size: int, compression: Compression = Compression.ZSTD) -> UploadProgress:
    """Begin an upload of so many plain bytes."""
    return UploadProgress(KEY, store.begin_upload(KEY), "snapshot", compression, size, (), datetime(2024, 1, 1, tzinfo=UTC))


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Return data in pieces of a size."""
    return (data[start : start + size] for start in range(0, len(data), size))


def upload(
    store: MemoryStore,
    progress: UploadProgress,
    chunks: Iterator[bytes],
    *,
    save: Callable[[UploadProgress], None] = lambda _: None,
    should_pause: Callable[[], bool] = never,
    workers: int = 2,
) -> UploadOutcome:
    """Upload in frames of 100 bytes and parts of 250 stored bytes."""
    return upload_stream(
        store, progress, chunks, save=save, should_pause=should_pause, part_size=250, workers=workers, frame_size=100
    )


def plain_of(store: MemoryStore, compression: Compression) -> bytes:
    """Return the plain bytes of the object."""
    return b"".join(plain_chunks(store.read(KEY), compression))
