"""The contract of captures over SSH, over SFTP alone, and over HTTPS."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.model.fleet import Server
from fleetsave.sources.over_ssh import SshSource
from fleetsave.transports.ssh import SshTransport
from tests.contract.captures import DEADLINE, CaptureContract, SftpAloneContract, Way
from tests.fixtures.agents import Agents, source_of
from tests.fixtures.servers import SftpOnlyServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "game").mkdir()
    return tmp_path / "game"


def over_ssh(ssh: SshServer, folder: Path) -> Iterator[Way]:
    staging = folder.with_name("staging")
    server = Server(id="server_001", ssh=ssh.ssh_settings(), staging=str(staging))
    with closing(SshSource(SshTransport(ssh.ssh_settings(), ssh.private_key), server)) as source:
        yield Way(folder, source, staging, folder.with_name("scratch"))


class TestSshWithCommands(CaptureContract):
    @pytest.fixture
    def way(self, ssh_server: SshServer, folder: Path) -> Iterator[Way]:
        yield from over_ssh(ssh_server, folder)


class TestSftpAlone(SftpAloneContract):
    @pytest.fixture
    def way(self, sftp_only_server: SftpOnlyServer, folder: Path) -> Iterator[Way]:
        yield from over_ssh(sftp_only_server.server, folder)


class TestHttps(CaptureContract):
    @pytest.fixture
    def way(self, agents: Agents, folder: Path) -> Way:
        agent = agents.start(
            databases=[
                {"name": "main", "path": str(folder / "main.db"), "deadline": DEADLINE},
                {"name": "many", "path": str(folder / "many" / "*.db"), "deadline": DEADLINE},
            ]
        )
        return Way(folder, source_of(agent), agent.staging, folder.with_name("scratch"))
