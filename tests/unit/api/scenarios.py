"""How each example of the OpenAPI document comes about.

`python -m tests.unit.api.scenarios` writes `api/example_answers.py` anew, after a change of what is answered.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import fleetsave.api
from tests.unit.api.world import FIRST, MISSION, NEWEST, RECOVER, Reply, World


def _running(world: World) -> Reply:
    world.begin(NEWEST)
    return world.ask("POST", RECOVER, MISSION)


def _finished(world: World) -> Reply:
    world.begin()
    world.finish(FIRST)
    return world.ask("GET", f"{RECOVER}/{FIRST}")


def _listed(world: World) -> Reply:
    world.begin()
    return world.ask("GET", RECOVER, query={"server_id": "server_001"})


SCENARIOS: Mapping[tuple[str, str], Callable[[World], Reply]] = {
    ("recover", "200"): lambda world: world.ask("POST", RECOVER, {**MISSION, "dry_run": True}),
    ("recover", "202"): lambda world: world.ask("POST", RECOVER, MISSION),
    ("recover", "409"): _running,
    ("recover", "422"): lambda world: world.ask("POST", RECOVER, {**MISSION, "server_id": "../server_001"}),
    ("getRecovery", "200"): _finished,
    ("listRecoveries", "200"): _listed,
    ("listBackups", "200"): lambda world: world.ask("GET", "/backups", query={"server_id": "server_001"}),
    ("status", "200"): lambda world: world.ask("GET", "/status"),
}


def main() -> None:
    """Write the answers as a module of Python; `ruff format` gives it its form."""
    made = {name: scenario(World()).document for name, scenario in SCENARIOS.items()}
    head = '"""Answers as they look, for the OpenAPI document; a test makes each of them come about."""'
    lines = [head, "", "from typing import Any", "", "ANSWERS: dict[tuple[str, str], dict[str, Any]] = {"]
    lines += [*(f"    {name!r}: {document!r}," for name, document in made.items()), "}", ""]
    Path(fleetsave.api.__path__[0], "example_answers.py").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
