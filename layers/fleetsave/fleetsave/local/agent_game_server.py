"""A game server that is reached over HTTPS: the agent, games that write their databases, and a folder of many files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fleetsave.local.agent_server import AgentServer
from fleetsave.local.game_servers import Game, GameDatabase
from fleetsave.local.world_tree import WorldTree


class AgentGameServer:
    """A server of the fleet: agent, games and a folder, all under one directory; everything of it is archived in full too."""

    def __init__(self, server_id: str, directory: Path, databases: Sequence[GameDatabase], *, small_files: int = 30_000) -> None:
        self.id = server_id
        self.directory = directory
        self.token_secret = f"fleetsave/https/read-{server_id}"
        self.tree = WorldTree(directory / "world", small=small_files)
        self.games = [Game(database, directory / "game") for database in databases]
        named = [self._named(played) for played in self.games]
        self.agent = AgentServer(directory / "agent", {"databases": named, "files": [self._folder()], "full": True})

    @property
    def secrets(self) -> dict[str, str]:
        """Return both tokens by the names of their secrets, as the fleet file has them by default."""
        restore_secret = self.token_secret.replace("/https/read-", "/https/restore-")
        return {self.token_secret: self.agent.read_token, restore_secret: self.agent.restore_token}

    def fleet_entry(self) -> dict[str, Any]:
        """Return this server's entry of the fleet file, as plain values."""
        https = self.agent.https_settings(self.token_secret)
        databases = [{**self._named(played), "retention": dict(played.database.retention)} for played in self.games]
        return {
            "id": self.id,
            "https": https.model_dump(include={"url", "token_secret", "ca_certificate"}),
            "databases": databases,
            "files": [self._folder()],
            "full": {},
        }

    def stop(self) -> None:
        """End games, log and agent; stopping twice is no error."""
        for played in self.games:
            played.stop()
        self.tree.stop()
        self.agent.stop()

    def _named(self, played: Game) -> dict[str, Any]:
        """Return what fleet file and agent both say of a database."""
        checks = {"money": "SELECT sum(balance) FROM accounts"}
        return {"name": played.database.name, "path": str(played.path), "literal": True, "checks": checks}

    def _folder(self) -> dict[str, Any]:
        return {"path": str(self.tree.folder)}
