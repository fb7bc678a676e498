"""The central PostgreSQL on this machine: a real server with TLS, written by pgbench the whole time, and a table to miss."""

import json
from pathlib import Path
from typing import Any

from fleetsave.local.postgres_load import PgbenchLoad
from fleetsave.local.postgres_server import Login, PostgresServer

DATABASE = "game"
DROPPED = "players"
"""The table that a demonstration drops."""

_PLAYERS = """
CREATE EXTENSION pgcrypto;
CREATE TABLE players (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, token bytea NOT NULL,
    joined timestamptz NOT NULL DEFAULT now());
INSERT INTO players (name, token) SELECT 'player ' || n, digest(n::text, 'sha256') FROM generate_series(1, 5000) AS n;
CREATE INDEX ON players (joined);
CREATE VIEW newest AS SELECT name FROM players ORDER BY joined DESC LIMIT 10;
"""


class CentralDatabase:
    """A PostgreSQL below `directory` with the database `game`, `scale` times 100,000 accounts of pgbench, and its writer."""

    def __init__(self, directory: Path, *, major: int = 16, scale: int = 3, rate: float = 50) -> None:
        self.server = PostgresServer(directory, major=major)
        self._rate = rate
        try:
            self.server.bench(DATABASE, scale=scale)
            self.server.psql(_PLAYERS, DATABASE)
            self._roles = {
                "fleetsave/postgresql/read-central": self.server.create_backup_role(),
                "fleetsave/postgresql/restore-central": self.server.create_restore_role(),
            }
            self.load = PgbenchLoad(self.server, DATABASE, rate=rate)
        except BaseException:
            self.server.stop()
            raise

    @property
    def secrets(self) -> dict[str, str]:
        """Return the accounts of backups and recoveries, by the names of their secrets."""
        return {name: _account(role) for name, role in self._roles.items()}

    def fleet_entry(self, **database: Any) -> dict[str, Any]:
        """Return the `postgresql` entry of the fleet file, as plain values."""
        return {
            "host": "localhost",
            "port": self.server.port,
            "secret": "fleetsave/postgresql/read-central",
            "ca_certificate": self.server.ca_certificate,
            "databases": [{"database": DATABASE, "checks": {"money": "SELECT sum(abalance) FROM pgbench_accounts"}, **database}],
        }

    def rows(self, table: str) -> int | None:
        """Return how many rows a table of the database has, None if there is no such table."""
        if not self.server.psql(f"SELECT to_regclass('{table}')", DATABASE):
            return None
        return int(self.server.psql(f"SELECT count(*) FROM {table}", DATABASE))  # noqa: S608 - a name of our own

    def write_on(self) -> None:
        """Write again, if the writer has lost its connections: pgbench, unlike a game, does not connect anew."""
        if not self.load.is_running:
            self.load.stop()
            self.load = PgbenchLoad(self.server, DATABASE, rate=self._rate)

    def stop(self) -> None:
        """End the writer and the server; stopping twice is no error."""
        self.load.stop()
        self.server.stop()


def _account(role: Login) -> str:
    return json.dumps({"username": role.user, "password": role.password})
