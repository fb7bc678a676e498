"""Game servers on this machine: a real sshd each, and games that write their databases the whole time."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fleetsave.local import game
from fleetsave.local.game import GameStatus, read_status
from fleetsave.local.processes import ChildProcess
from fleetsave.local.sshd import SshServer
from fleetsave.model.fleet import Fleet


@dataclass(frozen=True)
class GameDatabase:
    """A database to be written and backed up; `path` is below the server's folder, `rate` in payments a second (0: full)."""

    name: str
    path: str
    journal_mode: str = "wal"
    rate: float = 50
    world_megabytes: int = 0
    retention: Mapping[str, Any] = field(default_factory=dict)


class Game:
    """One running game: the process that writes one database."""

    def __init__(self, database: GameDatabase, directory: Path) -> None:
        self.database = database
        self.path = directory / database.path
        self.path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(Path(game.__file__)), "--path", str(self.path)]
        command += ["--journal-mode", database.journal_mode, "--rate", str(database.rate)]
        command += ["--world-megabytes", str(database.world_megabytes)]
        self._process = ChildProcess(f"game {database.name}", command, log=directory / f"{database.name}.log")
        self._process.wait_until(lambda: read_status(self.path) is not None)

    def status(self) -> GameStatus:
        """Return what the game last said of itself."""
        status = read_status(self.path)
        assert status is not None  # noqa: S101 - the constructor has waited for it
        return status

    @property
    def is_running(self) -> bool:
        """Tell whether the game still plays."""
        return self._process.is_running

    def stop(self) -> None:
        """End the game; stopping twice is no error."""
        self._process.stop()


class GameServer:
    """A server of the fleet: sshd and games, all under one folder."""

    def __init__(self, server_id: str, directory: Path, databases: Sequence[GameDatabase]) -> None:
        self.id = server_id
        self.directory = directory
        self.key_secret = f"fleetsave/ssh/read-{server_id}"
        self.ssh = SshServer(directory / "sshd")
        self.games = [Game(database, directory / "game") for database in databases]

    @property
    def restore_secret(self) -> str:
        """Return the name of the secret that recoveries log in with, as the fleet file has it by default."""
        return self.key_secret.replace("/ssh/read-", "/ssh/restore-")

    def fleet_entry(self) -> dict[str, Any]:
        """Return this server's entry of the fleet file, as plain values."""
        ssh = self.ssh.ssh_settings(self.key_secret)
        return {
            "id": self.id,
            "ssh": ssh.model_dump(include={"host", "port", "user", "host_keys", "key_secret"}),
            "staging": str(self.directory / "staging"),
            "databases": [
                {
                    "name": played.database.name,
                    "path": str(played.path),
                    "literal": True,
                    "checks": {"money": "SELECT sum(balance) FROM accounts"},
                    "retention": dict(played.database.retention),
                }
                for played in self.games
            ],
        }

    def stop(self) -> None:
        """End games and sshd; stopping twice is no error."""
        for played in self.games:
            played.stop()
        self.ssh.stop()


class FleetServer(Protocol):
    """Whatever can stand in a fleet file as a server."""

    def fleet_entry(self) -> dict[str, Any]:
        """Return its entry, as plain values."""
        ...


def fleet_text(
    servers: Sequence[FleetServer],
    *,
    postgresql: Mapping[str, Any] | None = None,
    also: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Return the fleet file of these servers, and of the central PostgreSQL if its entry is given.

    `also` holds what more is to be backed up on a server, by its id. Raise pydantic's ValidationError if it would not be
    a valid one.
    """
    entries = [server.fleet_entry() for server in servers]
    fleet: dict[str, Any] = {"version": 1, "servers": [{**entry, **(also or {}).get(entry["id"], {})} for entry in entries]}
    if postgresql is not None:
        fleet["postgresql"] = dict(postgresql)
    Fleet.model_validate(fleet)
    return json.dumps(fleet, indent=2)  # JSON is YAML
