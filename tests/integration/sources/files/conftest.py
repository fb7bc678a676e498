"""A source over real sshd, for the archives of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.model.fleet import Server
from fleetsave.sources.over_ssh import SshSource
from fleetsave.transports.ssh import SshTransport


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    return tmp_path / "staging"


@pytest.fixture
def source(ssh_server: SshServer, staging: Path) -> Iterator[SshSource]:
    settings = ssh_server.ssh_settings()
    server = Server(id="server_001", ssh=settings, staging=str(staging))
    opened = SshSource(SshTransport(settings, ssh_server.private_key), server)
    yield opened
    opened.close()
