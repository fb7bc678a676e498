"""Servers behind the gate, started once for the tests of a file."""

from collections.abc import Iterator

import pytest

from fleetsave.local.game import create
from tests.fixtures.gated import GatedServer, gated_server
from tests.integration.security.asking import SECRET


@pytest.fixture(scope="module")
def gated() -> Iterator[GatedServer]:
    with gated_server() as server:
        yield server


@pytest.fixture(scope="module")
def exposed() -> Iterator[GatedServer]:
    """A server whose sshd allows more than it should: every variable, and all that `restrict` is to keep out."""
    allowed = ["AcceptEnv *", "PermitUserRC yes", "AllowAgentForwarding yes", "AllowTcpForwarding yes", "PermitTunnel yes"]
    with gated_server(configuration=allowed) as server:
        for folder in (server.game, server.outside):
            create(folder / "game.db", "wal")
        (server.outside / "secret").write_bytes(SECRET)
        (server.game / "world").mkdir()
        server.configure(
            databases=[{"path": str(server.game / "*.db"), "checks": {"one": "SELECT 1"}, "deadline": 20, "lock_limit": 5}],
            folders=[{"path": str(server.game / "world"), "exclude": ["hidden"]}],
        )
        yield server


@pytest.fixture
def nothing_happened(exposed: GatedServer) -> Iterator[None]:
    """Fail if a test made a file on the server, but for what SQLite makes beside a database."""
    before = exposed.files()
    yield
    assert {path.name for path in exposed.files() - before} <= {"game.db-wal", "game.db-shm"}
