"""The published figures of restores of folders: 50,000 files come back as they were, and no kill leaves a mixture."""

import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.local.sshd import SshServer
from fleetsave.model.archives import TreePart
from fleetsave.model.fleet import Server
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_records import SwapMethod
from fleetsave.sources.over_ssh import SshSource
from fleetsave.transports.ssh import SshTransport
from tests.fixtures.archives import order_of, take_archive
from tests.fixtures.copies import TreeRestoring, copy_of
from tests.fixtures.killed_trees import killed_trees
from tests.fixtures.trees import hostile_tree, snapshot_of
from tests.soak.figures import record

FILES = int(os.environ.get("FLEETSAVE_SOAK_FILES", "50000"))
KILLS = int(os.environ.get("FLEETSAVE_SOAK_KILLS", "60"))

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder on a disk, with room for the largest tree, its archive and its copy."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="fleetsave-soak-") as made:
        yield Path(made)


@pytest.fixture
def source(ssh_server: SshServer, folder: Path) -> Iterator[SshSource]:
    settings = ssh_server.ssh_settings()
    server = Server(id="server_001", ssh=settings, staging=str(folder / "staging"))
    opened = SshSource(SshTransport(settings, ssh_server.private_key), server)
    yield opened
    opened.close()


def test_a_folder_of_everything_is_restored_and_rolled_back(
    source: SshSource, tree_restoring: TreeRestoring, folder: Path
) -> None:
    seed = random.randrange(1 << 32)
    hostile_tree(folder / "tree", files=FILES, seed=seed)
    hostile_tree(folder / "servers" / "game", files=400, seed=seed + 1)
    wanted, before = snapshot_of(folder / "tree"), snapshot_of(folder / "servers" / "game")
    part = TreePart("files/game", str(folder / "tree"))
    copy = copy_of(take_archive(source, order_of(part, deadline=3600), folder / "archive.tar"))
    restorer = tree_restoring.restorer(copy, folder / "servers" / "game", deadline=3600)
    restorer.survey()
    started = time.monotonic()
    restorer.receive(0, copy.chunks(), lambda _: None)
    sent = time.monotonic()
    restorer.check()
    checked = time.monotonic()
    report = restorer.swap(SwapMethod.SET_ASIDE)
    restored = snapshot_of(folder / "servers" / "game")
    bad = [str(finding) for finding in restorer.verify() if finding.outcome is not Outcome.PASSED]
    restorer.roll_back()
    back = snapshot_of(folder / "servers" / "game")
    restorer.clean_up()
    record(
        "restores of a folder of everything",
        seed=seed,
        entries=len(wanted),
        copy_bytes=len(copy.content),
        different=sum(wanted.get(path) != restored.get(path) for path in wanted.keys() | restored.keys()),
        different_after_the_roll_back=sum(before.get(path) != back.get(path) for path in before.keys() | back.keys()),
        seconds_to_send=round(sent - started, 1),
        seconds_to_unpack_and_check=round(checked - sent, 1),
        seconds_of_the_swap=round(report.seconds, 3),
    )
    assert bad == []
    assert restored == wanted
    assert back == before


@pytest.mark.parametrize("is_chosen", [False, True])
def test_restores_that_are_killed_leave_the_old_or_the_new_folder(
    source: SshSource, tree_restoring: TreeRestoring, folder: Path, is_chosen: bool
) -> None:
    seed = random.randrange(1 << 32)
    killed = killed_trees(source, tree_restoring, folder, random.Random(seed), is_chosen=is_chosen)
    while killed.kills < KILLS // 2:
        killed.restore_once()
    record(
        "killed restores of folders",
        seed=seed,
        is_chosen=is_chosen,
        kills=killed.kills,
        restores=killed.restores,
        roll_backs=killed.roll_backs,
        mixed_or_lost=len(killed.problems),
    )
    assert killed.problems == []
