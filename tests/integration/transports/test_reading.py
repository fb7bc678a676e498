"""Reads over connections that break, stall, and are rotated: the right bytes, or one clear error in bounded time."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.model.errors import RemoteFileError, StalledError, TransportError
from fleetsave.transports.ssh import SshTransport
from tests.fixtures.servers import SftpOnlyServer
from tests.integration.transports.proxy import Passes, bad_network

SIZE = 6 << 20
CONTENT = os.urandom(SIZE)


@pytest.fixture(params=["commands", "sftp"])
def server(request: pytest.FixtureRequest, ssh_server: SshServer, sftp_only_server: SftpOnlyServer) -> SshServer:
    return ssh_server if request.param == "commands" else sftp_only_server.server


@pytest.fixture
def path(server: SshServer, sftp_only_server: SftpOnlyServer, tmp_path: Path) -> Iterator[str]:
    """A file of CONTENT, as the server calls it."""
    jailed = server is sftp_only_server.server
    file = (sftp_only_server.root if jailed else tmp_path) / "data"
    file.write_bytes(CONTENT)
    file.chmod(0o644)
    yield "/data" if jailed else str(file)
    file.unlink()


def transport_to(
    server: SshServer, *, port: int | None = None, stall_seconds: float = 10, rotate_bytes: int = 128 << 20
) -> SshTransport:
    ssh = server.ssh_settings().model_copy(update={"port": port or server.port})
    return SshTransport(ssh, server.private_key, stall_seconds=stall_seconds, rotate_bytes=rotate_bytes)


def read(transport: SshTransport, path: str, offset: int = 0) -> bytes:
    try:
        return b"".join(transport.read_file(path, offset=offset, length=SIZE - offset))
    finally:
        transport.close()


def take(chunks: Iterator[bytes], received: bytearray, then: Callable[[], None] = lambda: None) -> None:
    for chunk in chunks:
        received += chunk
        then()


def logins(server: SshServer) -> int:
    return server.log.read_text().count("Accepted publickey")


@pytest.mark.parametrize("rotate_bytes", [400_000, 1 << 20, 3_333_333])
def test_connections_are_rotated_and_every_byte_is_right(server: SshServer, path: str, rotate_bytes: int) -> None:
    before = logins(server)
    assert read(transport_to(server, rotate_bytes=rotate_bytes), path) == CONTENT
    assert logins(server) - before >= SIZE // rotate_bytes - 1


def test_a_small_read_takes_one_connection(server: SshServer, path: str) -> None:
    before = logins(server)
    assert read(transport_to(server), path, SIZE - 1000) == CONTENT[-1000:]
    assert logins(server) - before == 1


def test_a_connection_cut_in_the_middle_is_made_anew(server: SshServer, path: str) -> None:
    with bad_network(server.port, Passes(2_000_000), Passes(1_500_000), Passes(5_000)) as proxy:
        assert read(transport_to(server, port=proxy.port), path) == CONTENT
        assert proxy.connections == 4


def test_a_connection_that_falls_silent_is_made_anew(server: SshServer, path: str) -> None:
    started = time.monotonic()
    with bad_network(server.port, Passes(2_000_000, then_silent=True), Passes(1_500_000, then_silent=True)) as proxy:
        assert read(transport_to(server, port=proxy.port, stall_seconds=1.5), path) == CONTENT
        assert proxy.connections == 3
    assert time.monotonic() - started < 15


def test_a_network_that_stays_silent_is_a_stall_in_bounded_time(server: SshServer, path: str) -> None:
    started = time.monotonic()
    received = bytearray()
    with bad_network(server.port, *[Passes(200_000, then_silent=True)] + [Passes(4_000, then_silent=True)] * 9) as proxy:
        transport = transport_to(server, port=proxy.port, stall_seconds=1.5)
        with pytest.raises(StalledError, match="3 attempts") as caught:
            take(transport.read_file(path, offset=0, length=SIZE), received)
        transport.close()
    assert caught.value.retryable
    assert CONTENT.startswith(received)
    assert 100_000 < len(received) <= 200_000
    assert time.monotonic() - started < 20


def test_a_server_that_goes_away_is_an_error_that_may_pass(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(CONTENT)
    with SshServer(tmp_path / "sshd") as server:
        transport = transport_to(server)
        received = bytearray()
        with pytest.raises(TransportError, match="3 attempts") as caught:
            take(transport.read_file(str(file), offset=0, length=SIZE), received, then=server.kill)
        transport.close()
    assert caught.value.retryable
    assert CONTENT.startswith(received)


def test_sessions_that_are_killed_are_opened_again(server: SshServer, path: str) -> None:
    transport = transport_to(server)
    received = b""
    dropped = 0
    for chunk in transport.read_file(path, offset=0, length=SIZE):
        received += chunk
        if len(received) > (dropped + 1) << 20 and dropped < 2:
            server.drop_connections()
            dropped += 1
    transport.close()
    assert received == CONTENT
    assert dropped == 2


def test_a_command_goes_on_while_reads_rotate(ssh_server: SshServer, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(CONTENT)
    transport = transport_to(ssh_server, rotate_bytes=1 << 20)
    process = transport.start(["cat"])
    assert b"".join(transport.read_file(str(tmp_path / "data"), offset=0, length=SIZE)) == CONTENT
    process.write(b"still here\n")
    assert process.read_line(timeout=5) == b"still here\n"
    process.kill()
    transport.close()


def test_a_command_over_a_silent_network_is_a_stall_and_the_next_has_a_new_connection(ssh_server: SshServer) -> None:
    flood = ["head", "-c", "5000000", "/dev/zero"]
    started = time.monotonic()
    with bad_network(ssh_server.port, *[Passes(200_000, then_silent=True)] * 2) as proxy:
        transport = transport_to(ssh_server, port=proxy.port, stall_seconds=1.5)
        with pytest.raises(StalledError, match="nothing came for 2 s"):
            transport.run(flood, timeout=2)
        process = transport.start(flood)
        with pytest.raises(StalledError):
            process.wait(timeout=1)
        with pytest.raises(StalledError, match="no answer within"):
            transport.start(["true"])
        assert transport.run(["printf", "again"], timeout=5).output == b"again"
        assert proxy.connections == 3
        transport.close()
    assert time.monotonic() - started < 15


def test_a_lost_connection_is_made_anew_for_the_next_command(ssh_server: SshServer) -> None:
    transport = transport_to(ssh_server)
    assert transport.run(["printf", "1"], timeout=10).output == b"1"
    process = transport.start(["sleep", "60"])
    ssh_server.drop_connections()
    with pytest.raises(TransportError, match="lost") as caught:
        process.wait(timeout=10)
    assert caught.value.retryable
    process.kill()
    assert transport.run(["printf", "2"], timeout=10).output == b"2"
    assert transport.stat("/etc/passwd").size > 0
    transport.close()


def test_what_the_account_may_not_read_is_named(sftp_only_server: SftpOnlyServer) -> None:
    secret, folder = sftp_only_server.root / "secret", sftp_only_server.root / "closed"
    secret.write_bytes(b"secret")
    secret.chmod(0o600)
    folder.mkdir(mode=0o700)
    transport = transport_to(sftp_only_server.server)
    with pytest.raises(RemoteFileError, match="Permission denied"):
        list(transport.read_file("/secret", offset=0, length=6))
    with pytest.raises(RemoteFileError, match="Permission denied"):
        transport.glob("/closed/*")
    with pytest.raises(RemoteFileError, match="Permission denied"):
        transport.stat("/closed/file")
    assert transport.glob("/secret") == ["/secret"]
    transport.close()


def test_start_up_files_that_write_are_reported_before_any_byte_is_read(tmp_path: Path) -> None:
    noise = tmp_path / "noise.sh"
    noise.write_text("echo Welcome to the game server\n")
    (tmp_path / "shell").write_text('#!/bin/sh\n. "$(dirname "$0")"/noise.sh\nexec sh -c "$SSH_ORIGINAL_COMMAND"\n')
    (tmp_path / "shell").chmod(0o755)
    with SshServer(tmp_path / "sshd", configuration=[f"ForceCommand {tmp_path}/shell"]) as server:
        transport = transport_to(server)
        with pytest.raises(TransportError, match="Welcome to the game server") as caught:
            list(transport.read_file(str(noise), offset=0, length=4))
        assert "start-up files" in caught.value.cause
        transport.close()


def test_an_account_without_sftp_reads_by_command_and_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"content")
    with SshServer(tmp_path / "sshd", configuration=['ForceCommand sh -c "$SSH_ORIGINAL_COMMAND"']) as server:
        transport = transport_to(server)
        assert b"".join(transport.read_file(str(tmp_path / "data"), offset=2, length=3)) == b"nte"
        with pytest.raises(TransportError, match="Subsystem sftp internal-sftp"):
            transport.stat(str(tmp_path / "data"))
        transport.close()


def test_an_account_without_a_shell_cannot_execute(tmp_path: Path) -> None:
    with SshServer(tmp_path / "sshd", configuration=["ForceCommand /bin/false"]) as server:
        transport = transport_to(server)
        assert not transport.can_execute
        transport.close()
