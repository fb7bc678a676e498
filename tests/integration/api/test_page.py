"""Every command of docs/api.md, run as it stands there, by bash and curl over HTTP."""

import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from tests.integration.api.wsgi import Gateway
from tests.unit.api.world import FIRST, World

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
PREAMBLE, *COMMANDS = re.findall(r"^```sh\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXPECTED = {"dry_run": 200, "Idempotency-Key": 202, '"target"': 202, "/cancel": 202, "/undo": 202}


class Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        """Log nothing."""


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, Gateway]]:
    gateway = Gateway(lambda: world_for(request.node.callspec.params["command"]))
    with make_server("127.0.0.1", 0, gateway, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", gateway
        server.shutdown()
        thread.join()


def world_for(command: str) -> World:
    world = World()
    world.add_central()
    if FIRST in command:
        world.begin()
        if "/undo" in command:
            world.finish(FIRST)
    return world


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_page_is_answered_as_it_says(served: tuple[str, Gateway], command: str, tmp_path: Path) -> None:
    url, gateway = served
    environment = {
        "API": url,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "a-session-token",
        "HOME": str(tmp_path),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", PREAMBLE + command], env=environment, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    wanted = next((status for part, status in EXPECTED.items() if part in command), 200)
    assert gateway.answered == [wanted], done.stdout
    assert gateway.signed == [True]


def test_the_page_names_every_path() -> None:
    rows = set(re.findall(r"^\| `((?:GET|POST) [^`?]+)", PAGE, re.MULTILINE))
    api = World().api
    made = {f"{method} {path.replace('<', '{').replace('>', '}')}" for method, path in api.paths}
    assert rows == made - {"GET /openapi.json"}
    assert "`GET /openapi.json`" in PAGE
