"""A store of the module's own, and a harmed server for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.local.seaweedfs import SeaweedFS
from tests.integration.runbook.station import Station


@pytest.fixture
def station(seaweedfs_server: SeaweedFS, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Station]:
    bucket = f"runbook-{abs(hash(request.node.name)) % 10**12}"
    station = Station(tmp_path, seaweedfs_server, bucket)
    station.set_up()
    yield station
    station.stop_playing()
