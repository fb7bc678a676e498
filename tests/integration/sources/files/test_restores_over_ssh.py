"""A folder of everything is archived and restored over a real sshd; no kill and no full disk leaves a mixture."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.model.archives import TreePart
from fleetsave.model.errors import RestoreError
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_records import SwapMethod, TargetState
from fleetsave.sources.over_ssh import SshSource
from tests.fixtures.archives import TakenArchive, order_of, take_archive
from tests.fixtures.copies import Folder, TreeRestoring, copy_of, deliver_tree
from tests.fixtures.killed_trees import Snapshot, killed_trees
from tests.fixtures.trees import hostile_tree, snapshot_of

KILLED = 3
LEVELS = 1200


@pytest.fixture
def taken(source: SshSource, tmp_path: Path) -> TakenArchive:
    hostile_tree(tmp_path / "tree")
    return take_archive(source, order_of(TreePart("files/game", str(tmp_path / "tree"))), tmp_path / "archive.tar")


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """Another folder, which is to be replaced."""
    folder = tmp_path / "servers" / "game"
    hostile_tree(folder, files=250, seed=2)
    return folder


def outcomes(restorer: object) -> set[Outcome]:
    return {finding.outcome for finding in restorer.verify()}  # type: ignore[attr-defined]  # the fixture's restorer is known by its port alone


def test_every_entry_comes_back_as_it_was_and_what_was_there_as_well(
    taken: TakenArchive, tree_restoring: TreeRestoring, live: Path, tmp_path: Path
) -> None:
    before, wanted = snapshot_of(live), snapshot_of(tmp_path / "tree")
    copy = copy_of(taken)
    restorer = tree_restoring.restorer(copy, live, leg_bytes=2_000_000)
    survey = restorer.survey()
    assert (survey.target_state, survey.open_by) == (TargetState.HEALTHY, [])
    deliver_tree(restorer, copy)
    assert snapshot_of(live) == before
    report = restorer.swap(SwapMethod.SET_ASIDE)
    assert restorer.swap(SwapMethod.SET_ASIDE) == report
    assert snapshot_of(live) == wanted
    assert len(wanted) == len(taken.present) > 400
    assert outcomes(restorer) == {Outcome.PASSED}
    sentence = restorer.roll_back()
    assert restorer.roll_back() == sentence
    assert snapshot_of(live) == before
    restorer.clean_up()
    assert [path.name for path in live.parent.iterdir()] == [live.name]


def test_a_missing_folder_is_made_as_it_was(taken: TakenArchive, tree_restoring: TreeRestoring, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    target = tmp_path / "new" / "game"
    copy = copy_of(taken)
    restorer = tree_restoring.restorer(copy, target, new_in=[tmp_path / "new"])
    assert restorer.survey().target_state is TargetState.MISSING
    deliver_tree(restorer, copy)
    assert restorer.swap(SwapMethod.PLACE).kept is None
    assert snapshot_of(target) == snapshot_of(tmp_path / "tree")
    restorer.clean_up()
    assert list((tmp_path / "new").iterdir()) == [target]


def test_chosen_files_come_back_with_all_they_had_and_nothing_else_is_touched(
    taken: TakenArchive, tree_restoring: TreeRestoring, live: Path, tmp_path: Path
) -> None:
    shutil.rmtree(live / "sparse")
    before, wanted = snapshot_of(live), snapshot_of(tmp_path / "tree")
    chosen = [path for path in wanted if path.startswith((b"sparse/", b"world/region-0/r.1", b"links/"))]
    copy = copy_of(taken, lambda path: os.fsencode(path) in chosen, paths=["sparse/**", "world/region-0/r.1*", "links/**"])
    restorer = tree_restoring.delivered(copy, live)
    restorer.swap(SwapMethod.SET_ASIDE)
    after = snapshot_of(live)
    assert {path: after[path] for path in chosen} == {path: wanted[path] for path in chosen}
    unlike = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} - set(chosen)
    assert unlike <= {b"sparse", *third_names(before)}
    assert outcomes(restorer) == {Outcome.PASSED}
    restorer.roll_back()
    assert snapshot_of(live) == before


def third_names(snapshot: Snapshot) -> list[bytes]:
    """Return other names of files that were chosen by one: they are no longer the same file, with the same content."""
    return [path for path in snapshot if path.startswith(b"third ")]


@pytest.mark.parametrize("is_chosen", [False, True])
def test_killed_at_any_moment_it_is_the_old_or_the_new_folder_whole(
    source: SshSource, tree_restoring: TreeRestoring, tmp_path: Path, is_chosen: bool
) -> None:
    killed = killed_trees(source, tree_restoring, tmp_path, random.Random(), is_chosen=is_chosen)
    killed.restore_once()
    while killed.kills < KILLED:
        killed.restore_once()
    assert killed.problems == []


@pytest.mark.parametrize("unpacked", [600_000, 1_500_000])
def test_a_full_disk_is_named_and_the_folder_stays(tree_restoring: TreeRestoring, small_disk: Path, unpacked: int) -> None:
    live = small_disk / "game"
    live.mkdir()
    (live / "level.dat").write_bytes(b"what is there")
    before = snapshot_of(live)
    folder = Folder()
    for number in range(10):
        folder.add(f"{number}", os.urandom(unpacked // 10))
    copy = folder.copy()
    restorer = tree_restoring.restorer(copy, live)
    with pytest.raises(RestoreError) as refused:
        deliver_tree(restorer, copy)
    assert refused.value.reason == "disk_full"
    assert snapshot_of(live) == before
    restorer.clean_up()
    assert [path.name for path in small_disk.iterdir()] == [live.name]
    with pytest.raises(RestoreError) as refused:
        restorer.survey()
    assert refused.value.reason == "no_room"


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """Folders in folders, deeper than a path may be long, beside what is there."""
    for root in ("tree", "servers/game"):
        (tmp_path / root).mkdir(parents=True)
        folder = os.open(tmp_path / root, os.O_RDONLY)
        for _ in range(LEVELS):
            os.mkdir("a deeper folder", dir_fd=folder)
            below = os.open("a deeper folder", os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = below
        os.close(os.open("bottom", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
        os.close(folder)
    yield tmp_path
    subprocess.run(["rm", "-rf", tmp_path / "tree", tmp_path / "servers"], check=True)  # which Python cannot, so deep


def depth(folder: Path) -> int:
    finished = subprocess.run(["find", folder, "-type", "d"], check=True, capture_output=True)
    return len(finished.stdout.splitlines()) - 1


def test_a_tree_deeper_than_any_path_is_restored_and_removed(
    source: SshSource, tree_restoring: TreeRestoring, deep: Path
) -> None:
    target = deep / "servers" / "game"
    copy = copy_of(take_archive(source, order_of(TreePart("files/game", str(deep / "tree"))), deep / "archive.tar"))
    restorer = tree_restoring.restorer(copy, target)
    restorer.survey()
    deliver_tree(restorer, copy)
    restorer.swap(SwapMethod.SET_ASIDE)
    assert depth(target) == LEVELS
    assert outcomes(restorer) == {Outcome.PASSED}
    restorer.roll_back()
    assert depth(target) == LEVELS
    restorer.clean_up()
    assert [path.name for path in target.parent.iterdir()] == [target.name]
