"""A process of its own that uploads MEBIBYTES of random bytes, reads them back, and prints its peak memory in MiB.

`round_trip.py ENDPOINT ACCESS_KEY_ID BUCKET MEBIBYTES`, the secret key on standard input.
"""

import hashlib
import random
import sys
from datetime import UTC, datetime
from pathlib import Path

from fleetsave.model.kinds import Compression
from fleetsave.settings import Provider
from fleetsave.store import profiles
from fleetsave.store.decompress import plain_chunks
from fleetsave.store.s3 import S3Store
from fleetsave.store.upload import UploadProgress, complete, upload_stream


def round_trip(endpoint: str, access_key_id: str, bucket: str, mebibytes: int) -> None:
    client = profiles.client(
        Provider.PORTABLE,
        endpoint=endpoint,
        region=None,
        access_key_id=access_key_id,
        secret_access_key=sys.stdin.read(),
    )
    store, key = S3Store(client, bucket, conditional_writes=True), f"round-trip-{mebibytes}"
    progress = UploadProgress(key, store.begin_upload(key), "snapshot", Compression.ZSTD, mebibytes << 20, (), datetime.now(UTC))
    chunks = (random.Random(number).randbytes(1 << 20) for number in range(mebibytes))
    outcome = upload_stream(store, progress, chunks, save=lambda _: None, should_pause=lambda: False)
    complete(store, outcome.progress)
    digest = hashlib.sha256()
    for chunk in plain_chunks(store.read(key), Compression.ZSTD):
        digest.update(chunk)
    assert digest.hexdigest() == outcome.plain_sha256
    print(peak_memory())


def peak_memory() -> int:
    """Return the kernel's figure for this program alone; that of getrusage begins with the peak of whoever started it."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) // 1024


if __name__ == "__main__":
    round_trip(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
