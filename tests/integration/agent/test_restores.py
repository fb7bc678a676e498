"""A backup goes back into a database on a server behind an agent, step by step, and into nothing else."""

import json
import socket
import sqlite3
import ssl
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetsave.local.agent_server import AgentServer
from fleetsave.local.game import check_game
from fleetsave.model.errors import AuthenticationError, RestoreError
from fleetsave.model.fleet import SqliteDatabase
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import SwapMethod, TargetState
from fleetsave.sources.script_over_https import HttpsScript
from fleetsave.sources.sqlite.restorer import SqliteRestorer
from tests.fixtures.agents import Agents, connection_to, raw_request, server_of
from tests.fixtures.game import running_game
from tests.fixtures.restores import MONEY, Backup, content_of, deliver, left_beside


@pytest.fixture
def live(tmp_path: Path) -> Path:
    (tmp_path / "live").mkdir()
    return tmp_path / "live" / "game.db"


@pytest.fixture
def agent(agents: Agents, live: Path) -> AgentServer:
    return agents.start(databases=[{"name": "main", "path": str(live), "checks": MONEY}])


def restorer(
    agent: AgentServer, backup: Backup, target: Path, *, token: str | None = None, is_new: bool = False, **changes: Any
) -> SqliteRestorer:
    plan = backup.plan(target, is_new=is_new, **changes)
    server = server_of(agent, databases=[SqliteDatabase(name="main", path=str(target))])
    script = HttpsScript(connection_to(agent, token or agent.restore_token), server, str(target))
    return SqliteRestorer(
        script, server, plan, RecoveryId("server_001", 1),
        deadline=timedelta(seconds=20), allowed_folders=[], leg_bytes=100_000,
    )  # fmt: skip


def test_a_database_in_play_is_restored_verified_and_rolled_back(agent: AgentServer, live: Path, backup: Backup) -> None:
    with running_game(live) as game:
        game.process.wait_until(lambda: game.acknowledged > 20)
        restoring = restorer(agent, backup, live)
        assert restoring.survey().target_state is TargetState.HEALTHY
        deliver(restoring, backup)
        assert restoring.swap(SwapMethod.IN_PLACE).method is SwapMethod.IN_PLACE
        assert {finding.outcome for finding in restoring.verify()} == {Outcome.PASSED}
        assert "as it was right before the swap" in restoring.roll_back()
        restoring.clean_up()
    assert check_game(live) == []
    assert [name for name in left_beside(live) if name.startswith(".")] == []


def test_an_upload_that_breaks_off_goes_on_where_it_was(agent: AgentServer, live: Path, backup: Backup) -> None:
    with closing(sqlite3.connect(live)) as connection:
        connection.execute("CREATE TABLE old (x)")

    def broken() -> Any:
        yield backup.content[:4096]
        yield backup.content[4096:5000]
        raise ConnectionError("the store went away")

    restoring = restorer(agent, backup, live)
    with pytest.raises(ConnectionError):
        restoring.receive(0, broken(), lambda _: None)
    assert restoring.received() == 4096
    deliver(restoring, backup)


def test_more_bytes_than_the_backup_has_are_refused_by_name(agent: AgentServer, live: Path, backup: Backup) -> None:
    with closing(sqlite3.connect(live)) as connection:
        connection.execute("CREATE TABLE old (x)")
    chunks = iter([backup.content, bytes(3 << 20), bytes(3 << 20)])
    with pytest.raises(RestoreError) as refused:
        restorer(agent, backup, live).receive(0, chunks, lambda _: None)
    assert refused.value.reason == "altered_copy"


def test_another_path_than_the_agents_is_refused(agent: AgentServer, live: Path, backup: Backup) -> None:
    with pytest.raises(RestoreError) as refused:
        restorer(agent, backup, live.with_name("other.db")).survey()
    assert refused.value.reason == "path_differs"
    assert not live.with_name("other.db").exists()


def test_a_new_file_is_never_made(agent: AgentServer, live: Path, backup: Backup) -> None:
    with pytest.raises(RestoreError) as refused:
        restorer(agent, backup, live, is_new=True).survey()
    assert refused.value.reason == "not_served"


def test_sql_that_is_not_the_agents_own_is_refused(agent: AgentServer, live: Path, tmp_path: Path, backup: Backup) -> None:
    other = Backup(backup.path, tmp_path / "backup.db", {"money": "SELECT count(*) FROM accounts"})
    with pytest.raises(RestoreError) as refused:
        restorer(agent, other, live).survey()
    assert refused.value.reason == "checks_differ"


def test_the_token_for_reading_restores_nothing(agent: AgentServer, live: Path, backup: Backup) -> None:
    with pytest.raises(AuthenticationError):
        restorer(agent, backup, live, token=agent.read_token).survey()


def test_the_token_for_restores_reads_nothing(agent: AgentServer) -> None:
    with pytest.raises(AuthenticationError), connection_to(agent, agent.restore_token).request("GET", "/backup/"):
        pass


def test_an_agent_that_allows_no_restores_says_so(agents: Agents, live: Path, backup: Backup) -> None:
    agent = agents.start(databases=[{"name": "main", "path": str(live)}], restores=False)
    for token, error in ((agent.read_token, RestoreError), (agent.restore_token, AuthenticationError)):
        with pytest.raises(error):
            restorer(agent, backup, live, token=token).survey()


def test_a_step_is_finished_even_if_its_client_leaves(agent: AgentServer, live: Path, backup: Backup) -> None:
    with closing(sqlite3.connect(live)) as connection:
        connection.execute("CREATE TABLE old (x)")
    restoring = restorer(agent, backup, live)
    deliver(restoring, backup)
    context = ssl.create_default_context(cadata=agent.authority)
    order = json.dumps({**restoring._request, "method": "in_place", "keep_aside": True}).encode() + b"\n"
    sent = raw_request(
        "/restore/database/main/restore_swap", method="POST", token=f"Bearer {agent.restore_token}",
        headers="Transfer-Encoding: chunked\r\n", body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(order), order),
    )  # fmt: skip
    with context.wrap_socket(socket.create_connection(("127.0.0.1", agent.port)), server_hostname="127.0.0.1") as tls:
        tls.sendall(sent)
        assert tls.recv(20).startswith(b"HTTP/1.1 200 OK")
    (place,) = live.parent.glob(".fleetsave-*")
    until = time.monotonic() + 20
    while time.monotonic() < until and not (place / "swap.json").exists():
        time.sleep(0.05)
    assert restoring.swap(SwapMethod.IN_PLACE).method is SwapMethod.IN_PLACE
    assert content_of(live) == content_of(backup.path)
