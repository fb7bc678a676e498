"""Uploads to a real server, paused and broken, read back with the zstd program."""

import hashlib
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.model.errors import ObjectNotFoundError, TransportError
from fleetsave.model.kinds import Compression
from fleetsave.store.decompress import plain_chunks
from fleetsave.store.s3 import S3Store
from fleetsave.store.upload import UploadProgress, complete, upload_stream
from tests.fixtures.stores import BUCKET

MEBIBYTE = 1 << 20


@pytest.fixture
def store(seaweedfs_server: SeaweedFS) -> S3Store:
    return S3Store(seaweedfs_server.client(), BUCKET, conditional_writes=True)


def plain_from(offset: int, size: int) -> Iterator[bytes]:
    """Yield the same bytes every time, half of them random, in chunks like those of an SSH channel."""
    for start in range(offset // MEBIBYTE * MEBIBYTE, size, MEBIBYTE):
        block = random.Random(start).randbytes(MEBIBYTE // 2) * 2
        block = block[: size - start][max(0, offset - start) :]
        for at in range(0, len(block), 100_003):
            yield block[at : at + 100_003]


def begin(store: S3Store, key: str, size: int, compression: Compression) -> UploadProgress:
    return UploadProgress(key, store.begin_upload(key), "snapshot", compression, size, (), datetime.now(UTC))


@pytest.mark.parametrize("compression", list(Compression))
def test_a_paused_and_broken_upload_is_one_file_to_the_zstd_program(
    store: S3Store, tmp_path: Path, compression: Compression
) -> None:
    size, key = 70 * MEBIBYTE + 17, f"servers/server_001/database/resumed.db.{compression}"
    saved = [begin(store, key, size, compression)]

    def run(*, frames_before_pause: int, breaks_at: int | None = None) -> bool:
        left = iter(range(frames_before_pause))

        def source(offset: int) -> Iterator[bytes]:
            for chunk in plain_from(offset, size):
                if breaks_at is not None and offset >= breaks_at:
                    raise TransportError("read", "server_001", "the line went dead", "Wait.", retryable=True)
                offset += len(chunk)
                yield chunk

        offset = saved[-1].plain_offset
        return upload_stream(
            store, saved[-1], source(offset), save=saved.append, should_pause=lambda: next(left, None) is None
        ).finished

    assert not run(frames_before_pause=3)
    assert saved[-1].plain_offset >= 12 * MEBIBYTE
    with pytest.raises(TransportError):
        run(frames_before_pause=100, breaks_at=50 * MEBIBYTE)
    assert saved[-1].plain_offset < 50 * MEBIBYTE
    assert not run(frames_before_pause=4)
    assert run(frames_before_pause=100)
    with pytest.raises(ObjectNotFoundError):
        store.head(key)
    info = complete(store, saved[-1])
    assert list(store.list_uploads(key)) == []

    downloaded = tmp_path / f"downloaded.{compression}"
    with downloaded.open("wb") as file:
        file.writelines(store.read(key))
    assert downloaded.stat().st_size == info.size
    plain = downloaded
    if compression is Compression.ZSTD:
        plain = tmp_path / "plain"
        subprocess.run(["zstd", "--quiet", "-d", "-o", plain, downloaded], check=True)
    wanted = hashlib.sha256()
    for chunk in plain_from(0, size):
        wanted.update(chunk)
    assert hashlib.sha256(plain.read_bytes()).hexdigest() == wanted.hexdigest()
    streamed = hashlib.sha256()
    for chunk in plain_chunks(store.read(key), compression):
        streamed.update(chunk)
    assert streamed.digest() == wanted.digest()


def peak_memory(server: SeaweedFS, mebibytes: int) -> int:
    """Return the peak memory, in MiB, of a process that uploads so many MiB that do not compress, and reads them back."""
    pair = server.credentials()
    program = Path(__file__).with_name("round_trip.py")
    done = subprocess.run(
        [sys.executable, program, server.endpoint, pair.access_key_id, BUCKET, str(mebibytes)],
        input=pair.secret_access_key,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def test_memory_does_not_grow_with_the_size(seaweedfs_server: SeaweedFS) -> None:
    small, large = peak_memory(seaweedfs_server, 24), peak_memory(seaweedfs_server, 96)
    assert large < 160
    assert large - small < 30
