"""Large transfers from servers that ask for new keys in the middle: none stops, no byte is wrong."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.transports.ssh import SshTransport
from tests.integration.transports.numbered_file import NumberedFile, make_numbered_file, sha256

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> NumberedFile:
    return make_numbered_file(tmp_path_factory.mktemp("large") / "file", 300 * MEBIBYTE)


@pytest.fixture(params=["default", "64M"])
def transport(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SshTransport]:
    limit = [] if request.param == "default" else [f"RekeyLimit {request.param}"]
    with SshServer(tmp_path / "sshd", configuration=limit) as server:
        transport = SshTransport(server.ssh_settings(), server.private_key, rotate_bytes=32 * MEBIBYTE)
        yield transport
        transport.close()


def test_a_large_file_is_read_without_a_stall(transport: SshTransport, large: NumberedFile) -> None:
    longest = 0.0

    def chunks() -> Iterator[bytes]:
        nonlocal longest
        last = time.monotonic()
        for chunk in transport.read_file(large.path, offset=0, length=large.size):
            longest = max(longest, time.monotonic() - last)
            yield chunk
            last = time.monotonic()

    assert sha256(chunks()) == large.sha256
    assert longest < 5


def test_a_stream_that_cannot_change_its_connection_passes_the_exchanges(transport: SshTransport, large: NumberedFile) -> None:
    process = transport.start(["cat", large.path])
    assert sha256(iter(lambda: process.read(MEBIBYTE, timeout=5), b"")) == large.sha256
    assert process.wait(timeout=5).status == 0
