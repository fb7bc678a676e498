"""Chosen files of a folder go back through an agent, however many are named, and what a recovery made is taken away again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetsave.local.agent_server import AgentServer
from fleetsave.model.errors import RestoreError
from fleetsave.model.fleet import FileSet
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import SwapMethod, TargetState
from fleetsave.sources.files.restore_refusals import tree_refusal
from fleetsave.sources.files.restorer import TreeRestorer
from fleetsave.sources.script_over_https import HttpsScript
from tests.fixtures.agents import Agents, connection_to, server_of
from tests.fixtures.copies import Folder, TreeCopy, deliver_tree

MANY = [f"region/{number:04} {'n' * 200}" for number in range(1000)]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    folder = tmp_path / "game" / "world"
    (folder / "region").mkdir(parents=True)
    (folder / "region" / "a").write_text("old")
    (folder / "made").write_text("by a recovery")
    return folder


@pytest.fixture
def agent(agents: Agents, world: Path) -> AgentServer:
    return agents.start(files=[{"path": str(world)}])


def restorer(agent: AgentServer, copy: TreeCopy, target: Path, **chosen: Any) -> TreeRestorer:
    server = server_of(agent, files=[FileSet(path=str(target))])
    script = HttpsScript(connection_to(agent, agent.restore_token), server, str(target), tree_refusal)
    return TreeRestorer(
        script, server, copy.plan(target), RecoveryId("server_001", 1),
        deadline=timedelta(seconds=60), allowed_folders=[], **chosen,
    )  # fmt: skip


def small_copy() -> TreeCopy:
    folder = Folder().directory("region").add("region/a", b"new")
    return folder.copy(paths=["region/a"])


def test_files_are_put_back_and_those_that_a_recovery_made_are_moved_aside(agent: AgentServer, world: Path) -> None:
    copy = small_copy()
    restoring = restorer(agent, copy, world, chosen=["region/a"], away=["made"])
    assert restoring.survey().target_state is TargetState.HEALTHY
    deliver_tree(restoring, copy)
    restoring.swap(SwapMethod.SET_ASIDE)
    assert (world / "region" / "a").read_text() == "new"
    assert not (world / "made").exists()
    assert {finding.outcome for finding in restoring.verify()} == {Outcome.PASSED}
    restoring.roll_back()
    assert (world / "region" / "a").read_text() == "old"
    assert (world / "made").read_text() == "by a recovery"
    restoring.clean_up()
    assert [path.name for path in world.parent.iterdir()] == [world.name]


def test_a_thousand_names_may_be_chosen(agent: AgentServer, world: Path) -> None:
    with (world / MANY[-1]).open("w"):
        survey = restorer(agent, small_copy(), world, chosen=MANY).survey()
    assert len(survey.open_by) == 1


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../b", ""])
def test_nothing_outside_of_the_folder_can_be_named(agent: AgentServer, world: Path, path: str) -> None:
    (world.parent / "secret").write_text("not the agent's")
    copy = small_copy()
    restoring = restorer(agent, copy, world, away=[path])
    with pytest.raises(RestoreError) as refused:
        swap_with(restoring, copy)
    assert refused.value.reason == "bad_entry"
    assert (world.parent / "secret").read_text() == "not the agent's"
    assert (world / "region" / "a").read_text() == "old"


def swap_with(restoring: TreeRestorer, copy: TreeCopy) -> None:
    deliver_tree(restoring, copy)
    restoring.swap(SwapMethod.SET_ASIDE)
