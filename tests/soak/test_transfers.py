"""2 GB reads over real sshd, with its default limits and with a RekeyLimit: all complete, none stalls."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.transports.ssh import SshTransport
from tests.integration.transports.numbered_file import NumberedFile, make_numbered_file
from tests.soak.figures import record

RUNS = int(os.environ.get("FLEETSAVE_SOAK_RUNS", "20"))
SIZE = 2 << 30
LONGEST_GAP = 5.0  # seconds

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NumberedFile]:
    path = tmp_path_factory.mktemp("large") / "file"
    yield make_numbered_file(path, SIZE)
    path.unlink()


@pytest.mark.parametrize("limit", ["default", "256M"])
def test_large_reads_complete_without_a_stall(limit: str, large: NumberedFile, tmp_path: Path) -> None:
    lines = [] if limit == "default" else [f"RekeyLimit {limit}"]
    complete, seconds, gaps = 0, [], []
    with SshServer(tmp_path / "sshd", configuration=lines) as server:
        for _ in range(RUNS):
            transport = SshTransport(server.ssh_settings(), server.private_key)
            started = time.monotonic()
            digest, gap = _read(transport, large)
            transport.close()
            complete += digest == large.sha256
            seconds.append(time.monotonic() - started)
            gaps.append(gap)
    record(
        f"2 GB transfers, sshd RekeyLimit {limit}",
        runs=RUNS,
        complete=complete,
        longest_gap_seconds=round(max(gaps), 3),
        median_seconds=round(sorted(seconds)[RUNS // 2], 1),
        slowest_seconds=round(max(seconds), 1),
    )
    assert complete == RUNS
    assert max(gaps) < LONGEST_GAP


def _read(transport: SshTransport, large: NumberedFile) -> tuple[str, float]:
    """Return the digest of what came, and the longest wait between two chunks, in seconds."""
    digest, gap, last = hashlib.sha256(), 0.0, time.monotonic()
    for chunk in transport.read_file(large.path, offset=0, length=large.size):
        gap = max(gap, time.monotonic() - last)
        digest.update(chunk)
        last = time.monotonic()
    return digest.hexdigest(), gap
