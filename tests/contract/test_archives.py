"""The contract of archives over real OpenSSH, by the script on the server and by SFTP alone, and over HTTPS by an agent."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.model.fleet import Server
from fleetsave.sources.over_ssh import SshSource
from fleetsave.transports.ssh import SshTransport
from tests.contract.archives import ArchiveContract, ArchivePlace
from tests.fixtures.agents import NobodysAgent, OrderedSource
from tests.fixtures.servers import SftpOnlyServer

_numbers = itertools.count()


def source_over(ssh: SshServer, **settings: Any) -> SshSource:
    server = Server(id="server_001", ssh=ssh.ssh_settings(), **settings)
    return SshSource(SshTransport(ssh.ssh_settings(), ssh.private_key), server)


class TestByTheScriptOnTheServer(ArchiveContract):
    @pytest.fixture
    def place(
        self, ssh_server: SshServer, unprivileged_python: Path, open_folder: Path, tmp_path: Path
    ) -> Iterator[ArchivePlace]:
        folder, staging = open_folder / "the game", open_folder / "staging"
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        source = source_over(ssh_server, python=str(unprivileged_python), staging=str(staging))
        yield ArchivePlace(source, folder, str(folder), tmp_path / "archive.tar")
        source.close()
        assert list(staging.iterdir()) == []


class TestBySftpAlone(ArchiveContract):
    @pytest.fixture
    def place(self, sftp_only_server: SftpOnlyServer, tmp_path: Path) -> Iterator[ArchivePlace]:
        folder = sftp_only_server.root / f"game {next(_numbers)}"
        folder.mkdir(mode=0o755)
        source = source_over(sftp_only_server.server)
        yield ArchivePlace(
            source, folder, f"/{folder.name}", tmp_path / "archive.tar", sees_everything=False, captures_databases=False
        )
        source.close()


class TestByAnAgentOverHttps(ArchiveContract):
    @pytest.fixture
    def place(self, unprivileged_python: Path, open_folder: Path, tmp_path: Path) -> Iterator[ArchivePlace]:
        folder = open_folder / "the game"
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        with NobodysAgent(open_folder / "agent", {}, python=str(unprivileged_python)) as agent:
            yield ArchivePlace(OrderedSource(agent), folder, str(folder), tmp_path / "archive.tar")
            assert not agent.staging.exists() or list(agent.staging.iterdir()) == []
