"""Requests as fleetsave makes them, with whatever in them, sent to the gate by OpenSSH's own client."""

import json
from pathlib import Path
from typing import Any

from fleetsave.sources.sqlite import server_side as sqlite
from fleetsave.transports.process import killable_line
from tests.fixtures.gated import GatedServer

SECRET = b"the secret of this server"
START = ["python3", "-I", "-c", sqlite.BOOTSTRAP]


def ask(gated: GatedServer, request: Any, script: bytes = sqlite.script(), message: bytes | None = None) -> Any:
    """Ask as fleetsave does, and return the reply, None if there is none."""
    line = request if isinstance(request, bytes) else json.dumps(request).encode()
    answer = gated.client(killable_line(START).decode(), stdin=sqlite.packed(script, line) if message is None else message)
    assert SECRET not in answer.output
    replies = [json.loads(line) for line in answer.output.splitlines() if line.startswith(b"{")]
    return replies[0] if replies else None


def capture(path: Path | str, **changes: Any) -> dict[str, Any]:
    values = {"operation": "snapshot", "name": "stolen", "path": str(path), "deadline": 10, "lock_limit": 5, "checks": None}
    return {**values, **changes}


def archive(path: Path | str, databases: list[Any] | None = None, **changes: Any) -> dict[str, Any]:
    tree = {"member": "files/a", "path": str(path), "include": ["**"], "exclude": [], "maximum_file_size": None, **changes}
    return {"operation": "archive", "name": "stolen", "deadline": 10, "databases": databases or [], "trees": [tree]}


def reason(reply: Any) -> str:
    return str(reply["error"])
