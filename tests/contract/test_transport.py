"""The transport's contract on real OpenSSH, with and without commands, and on the fake."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.transports.ssh import SshTransport
from tests.contract.transport import FileContract, Place
from tests.contract.transport_commands import CommandContract, RefusedCommandContract
from tests.fakes.fake_transport import FakeTransport
from tests.fixtures.servers import SftpOnlyServer

_numbers = itertools.count()


@pytest.fixture(scope="module")
def over_ssh(ssh_server: SshServer) -> Iterator[SshTransport]:
    transport = SshTransport(ssh_server.ssh_settings(), ssh_server.private_key)
    yield transport
    transport.close()


@pytest.fixture(scope="module")
def over_sftp(sftp_only_server: SftpOnlyServer) -> Iterator[SshTransport]:
    transport = SshTransport(sftp_only_server.server.ssh_settings(), sftp_only_server.server.private_key)
    yield transport
    transport.close()


class TestOpenSshWithCommands(FileContract, CommandContract):
    @pytest.fixture
    def place(self, over_ssh: SshTransport, tmp_path: Path) -> Place:
        return Place(tmp_path, str(tmp_path), over_ssh)


class TestOpenSshWithSftpAlone(FileContract, RefusedCommandContract):
    @pytest.fixture
    def place(self, sftp_only_server: SftpOnlyServer, over_sftp: SshTransport) -> Place:
        folder = f"place-{next(_numbers)}"
        (sftp_only_server.root / folder).mkdir(mode=0o755)
        return Place(sftp_only_server.root / folder, f"/{folder}", over_sftp)


class TestFake(FileContract, CommandContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return Place(tmp_path, str(tmp_path), FakeTransport())


class TestFakeWithSftpAlone(FileContract, RefusedCommandContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return Place(tmp_path, str(tmp_path), FakeTransport(can_execute=False))
