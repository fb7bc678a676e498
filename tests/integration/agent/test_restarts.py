"""A transfer from an agent survives what happens to agents: they are killed and come back, and another run goes on."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.agent_server import AgentServer
from fleetsave.model.errors import TransportError
from fleetsave.model.fleet import SqliteDatabase
from tests.fixtures.agents import Agents, source_of


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE blocks (block BLOB)")
        connection.executemany("INSERT INTO blocks VALUES (?)", [(os.urandom(1 << 20),) for _ in range(24)])
        connection.commit()
    return path


@pytest.fixture
def agent(agents: Agents, large: Path) -> AgentServer:
    return agents.start(databases=[{"name": "main", "path": str(large)}])


def test_a_read_goes_on_after_the_agent_was_killed_and_came_back(agent: AgentServer, large: Path) -> None:
    capture = source_of(agent).capture(
        SqliteDatabase(name="main", path=str(large)), str(large), "snapshot-1", scratch=large.parent
    )
    whole = b"".join(capture.read(0))
    received = b""
    for number, block in enumerate(capture.read(0)):
        received += block
        if number == 3:
            agent.kill()
            agent.start()
    assert received == whole


def test_a_run_that_finds_no_agent_gives_up_and_the_next_goes_on_where_it_was(agent: AgentServer, large: Path) -> None:
    capture = source_of(agent).capture(
        SqliteDatabase(name="main", path=str(large)), str(large), "snapshot-1", scratch=large.parent
    )
    whole, received = b"".join(capture.read(0)), b""
    with pytest.raises(TransportError) as broken:  # noqa: PT012 - what came before counts
        for block in capture.read(0):
            received += block
            agent.kill()
    assert broken.value.retryable
    agent.start()
    resumed = source_of(agent).resume("snapshot-1")
    assert resumed is not None
    assert received + b"".join(resumed.read(len(received))) == whole
