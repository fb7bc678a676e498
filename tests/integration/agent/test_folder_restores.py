"""A folder goes back where it was on a server behind an agent, and nowhere else."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleetsave.local.agent_server import AgentServer
from fleetsave.model.errors import RestoreError
from fleetsave.model.fleet import FileSet
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_keys import RecoveryId
from fleetsave.model.recovery_records import SwapMethod
from fleetsave.sources.files.restore_refusals import tree_refusal
from fleetsave.sources.files.restorer import TreeRestorer
from fleetsave.sources.script_over_https import HttpsScript
from tests.fixtures.agents import Agents, connection_to, server_of
from tests.fixtures.tree_restores import TreeBackup


@pytest.fixture
def world(tmp_path: Path) -> Path:
    folder = tmp_path / "game" / "world"
    for number in range(30):
        (folder / f"region {number % 3}").mkdir(parents=True, exist_ok=True)
        (folder / f"region {number % 3}" / f"{number}.mca").write_bytes(os.urandom(number * 5000))
    return folder


@pytest.fixture
def backup(world: Path, tmp_path: Path) -> TreeBackup:
    return TreeBackup(world, tmp_path / "backup.tar")


@pytest.fixture
def agent(agents: Agents, world: Path) -> AgentServer:
    return agents.start(files=[{"path": str(world)}])


def restorer(agent: AgentServer, backup: TreeBackup, target: Path, **plan: Any) -> TreeRestorer:
    server = server_of(agent, files=[FileSet(path=str(target))])
    script = HttpsScript(connection_to(agent, agent.restore_token), server, str(target), tree_refusal)
    return TreeRestorer(
        script, server, backup.plan(target, **plan), RecoveryId("server_001", 1),
        deadline=timedelta(seconds=60), allowed_folders=[], leg_bytes=300_000,
    )  # fmt: skip


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_restored_verified_and_rolled_back(agent: AgentServer, backup: TreeBackup, world: Path) -> None:
    before = content(world)
    (world / "region 0" / "0.mca").write_bytes(b"griefed")
    (world / "region 1" / "new.mca").write_bytes(b"built since")
    griefed = content(world)
    restoring = restorer(agent, backup, world)
    restoring.survey()
    backup.bring(restoring)
    restoring.swap(SwapMethod.SET_ASIDE)
    assert content(world) == before
    assert {finding.outcome for finding in restoring.verify()} <= {Outcome.PASSED, Outcome.SKIPPED}
    restoring.roll_back()
    assert content(world) == griefed
    restoring.clean_up()


def test_another_folder_than_the_agents_is_refused(agent: AgentServer, backup: TreeBackup, world: Path) -> None:
    with pytest.raises(RestoreError) as refused:
        restorer(agent, backup, world.with_name("other")).survey()
    assert refused.value.reason == "path_differs"
    with pytest.raises(RestoreError) as refused:
        restorer(agent, backup, world, is_new=True).survey()
    assert refused.value.reason == "not_served"


@pytest.mark.parametrize("step", ["survey", "check", "swap", "verify", "roll_back"])
def test_a_step_out_of_turn_changes_nothing(agent: AgentServer, backup: TreeBackup, world: Path, step: str) -> None:
    before = content(world)
    restoring = restorer(agent, backup, world)
    if step == "survey":
        restoring.survey()
    elif step == "roll_back":
        assert restoring.roll_back()
    else:
        steps = {"check": restoring.check, "swap": lambda: restoring.swap(SwapMethod.SET_ASIDE), "verify": restoring.verify}
        with pytest.raises(RestoreError):
            steps[step]()
    assert content(world) == before
