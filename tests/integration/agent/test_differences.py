"""What the fleet file and the agent's configuration say differently is refused by name, and nothing is captured."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetsave.local.agent_server import AgentServer
from fleetsave.local.game import create
from fleetsave.model.archives import ArchiveOrder, DatabasePart, TreePart
from fleetsave.model.errors import CaptureError
from fleetsave.model.fleet import FileSet, SqliteDatabase
from fleetsave.sources.sqlite.names import artifact_name
from tests.fixtures.agents import Agents, source_of

MONEY = {"money": "SELECT sum(balance) FROM accounts"}


@pytest.fixture
def game(tmp_path: Path) -> Path:
    (tmp_path / "game").mkdir()
    create(tmp_path / "game" / "game.db", "wal")
    return tmp_path / "game"


@pytest.fixture
def agent(agents: Agents, game: Path) -> AgentServer:
    return agents.start(
        databases=[{"name": "main", "path": str(game / "game.db"), "checks": MONEY}],
        files=[{"path": str(game), "exclude": ["cache"], "maximum_file_size": 1000}],
    )


def refusal(act: Callable[[], object]) -> CaptureError:
    with pytest.raises(CaptureError) as refused:
        act()
    assert refused.value.hint
    return refused.value


def capture(agent: AgentServer, game: Path, **settings: Any) -> Callable[[], object]:
    database = SqliteDatabase(**{"name": "main", "path": str(game / "game.db"), **settings})
    return lambda: source_of(agent).capture(database, database.path, "snapshot-1", scratch=game)


def archive(
    agent: AgentServer, path: Path, *databases: DatabasePart, name: str = "files", **settings: Any
) -> Callable[[], object]:
    source = source_of(agent, files=[FileSet(path=str(path), name=name, **settings)])
    trees = [TreePart(f"files/{name}", str(path))]
    order = ArchiveOrder("archive-1", "/" if databases else str(path), 60, list(databases), trees)

    def act() -> object:
        with source.open_archive(order, lambda: False) as live:
            return list(live.chunks())

    return act


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"name": "other"}, "not_served"),
        ({"path": "/srv/other.db"}, "path_differs"),
        ({"checks": {"money": "SELECT 1"}}, "checks_differ"),
        ({"checks": {"money": MONEY["money"], "more": "SELECT 1"}}, "checks_differ"),
    ],
)
def test_a_database_that_is_another_there_is_refused(
    agent: AgentServer, game: Path, settings: dict[str, Any], reason: str
) -> None:
    assert refusal(capture(agent, game, **settings)).reason == reason
    assert not agent.staging.exists()


def test_a_pattern_is_not_a_file_of_that_very_name(agents: Agents, game: Path) -> None:
    agent = agents.start(databases=[{"name": "main", "path": str(game / "*.db")}])
    assert refusal(capture(agent, game, path=str(game / "*.db"), literal=True)).reason == "path_differs"


@pytest.mark.parametrize("checks", [{}, MONEY])
def test_checks_that_are_left_out_or_the_same_are_those_of_the_agent(
    agent: AgentServer, game: Path, checks: dict[str, str]
) -> None:  # fmt: skip
    database = SqliteDatabase(name="main", path=str(game / "game.db"), checks=checks, deadline=timedelta(seconds=20))
    taken = source_of(agent).capture(database, database.path, "snapshot-1", scratch=game)
    assert taken.report.fingerprint is not None
    assert taken.report.fingerprint.check_sql == MONEY


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"name": "other"}, "not_served"),
        ({"include": ["world"]}, "selection_differs"),
        ({"exclude": ["other"]}, "selection_differs"),
        ({"maximum_file_size": "2K"}, "selection_differs"),
    ],
)
def test_a_folder_that_is_another_there_is_refused(agent: AgentServer, game: Path, settings: dict[str, Any], reason: str) -> None:
    assert refusal(archive(agent, game, **settings)).reason == reason


def test_a_folder_at_another_path_is_refused(agent: AgentServer, game: Path) -> None:
    assert refusal(archive(agent, game.parent)).reason == "path_differs"


@pytest.mark.parametrize("settings", [{}, {"exclude": ["cache"]}, {"maximum_file_size": 1000, "include": ["**"]}])
def test_a_selection_that_is_left_out_or_the_same_is_that_of_the_agent(
    agent: AgentServer, game: Path, settings: dict[str, Any]
) -> None:  # fmt: skip
    (game / "cache").mkdir()
    (game / "large").write_bytes(bytes(1001))
    content = b"".join(archive(agent, game, **settings)())  # type: ignore[arg-type]  # settings of the test's own names
    assert b"files/files/cache" not in content
    assert b'"too_large"' in content


def test_a_full_backup_that_the_agent_does_not_allow_or_of_another_database_is_refused(
    agents: Agents, agent: AgentServer, game: Path
) -> None:  # fmt: skip
    database = DatabasePart("databases/main.db", str(game / "game.db"), {}, 5, 5)
    assert refusal(archive(agent, game, database)).reason == "not_served"
    for other in ({"name": "main", "path": "/srv/other.db"}, {"name": "other", "path": str(game / "game.db")}):
        full = agents.start(databases=[other], files=[{"path": str(game)}], full=True)
        assert refusal(archive(full, game, database)).reason == "path_differs"


def test_files_of_a_pattern_have_the_same_names_in_a_full_backup_on_both_sides(agents: Agents, game: Path) -> None:
    create(game / "B b.db", "delete")
    configured = SqliteDatabase(name="worlds", path=str(game / "*.db"))
    agent = agents.start(databases=[{"name": "worlds", "path": configured.path}], files=[{"path": str(game)}], full=True)
    paths = source_of(agent).expand(configured)
    parts = [DatabasePart(f"databases/{artifact_name(configured, path)}.db", path, {}, 5, 5) for path in paths]
    content = b"".join(archive(agent, game, *parts)())  # type: ignore[arg-type]  # as many parts as it takes
    assert len(parts) == 2
    assert all(part.member.encode() in content for part in parts)
