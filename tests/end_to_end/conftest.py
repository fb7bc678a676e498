"""The deployed stack with game servers, once for each profile."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.local.game_servers import GameDatabase, GameServer, fleet_text
from fleetsave.local.stack import LocalStack, Profile
from tests.end_to_end.deployment import Deployment

SHORT = {"keep_for": "5s", "keep_last": 1, "maximum_share": 1}
DATABASES = {
    "server_001": [GameDatabase("database", "game.db", world_megabytes=12)],
    "server_002": [GameDatabase("database", "it's; $(reboot) 雪.db", journal_mode="delete", rate=20, retention=SHORT)],
}


@pytest.fixture(scope="session", params=list(Profile), ids=str)
def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The project's own template, deployed, with its schedules off: the tests are the clock."""
    directory: Path = tmp_path_factory.mktemp("deployment")
    with ExitStack() as cleanup:
        servers = []
        for server_id, databases in DATABASES.items():
            server = GameServer(server_id, directory / server_id, databases)
            cleanup.callback(server.stop)
            servers.append(server)
        parameters = {"ScheduleState": "DISABLED", "WatchdogState": "DISABLED", "NoticeSecret": "notices"}
        stack = cleanup.enter_context(LocalStack(request.param, parameters=parameters, name=f"e2e-{request.param}"))
        stack.put_secret("fleetsave/notices", "{}")
        for server in servers:
            for secret in (server.key_secret, server.restore_secret):
                stack.put_secret(secret, server.ssh.private_key)
        write_fleet(stack.store(), fleet_text(servers))
        yield Deployment(request.param, stack, servers)
