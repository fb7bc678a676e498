"""Stations: each test has a server of its own name, and with it its own part of one bucket."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from fleetsave.local.seaweedfs import SeaweedFS
from fleetsave.local.sshd import SshServer
from functions.collect import app
from tests.integration.bad_input.refusals import Ear
from tests.integration.bad_input.station import BUCKET, Station

_NUMBERS = count(1)


@pytest.fixture
def station(
    tmp_path: Path, seaweedfs_server: SeaweedFS, ssh_server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Station]:
    """A station on which everything is in order, behind the door of collect."""
    seaweedfs_server.create_bucket(BUCKET)
    made = Station(f"bad_input_{next(_NUMBERS)}", tmp_path, seaweedfs_server, ssh_server)
    monkeypatch.setattr(app, "services", made.services)
    with made.cleanup:
        yield made


@pytest.fixture
def ear(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Ear:
    """Whoever hears all that the doors say."""
    return Ear(caplog, capsys)
