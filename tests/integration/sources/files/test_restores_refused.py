"""What stops the restore of a folder, and what an account cannot give back: told by name, with the folder as it was."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleetsave.model.errors import RestoreError
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_records import SwapMethod
from tests.fixtures.small_disk import small_disk
from tests.fixtures.tree_restores import LocalScript, TreeBackup
from tests.fixtures.trees import snapshot_of

__all__ = ["small_disk"]
NOBODY = 65534


def make(folder: Path, size: int = 10) -> Path:
    (folder / "world").mkdir(parents=True)
    (folder / "world" / "a.mca").write_bytes(os.urandom(size))
    (folder / "server.ini").write_text("old")
    return folder


def own(folder: Path, user: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "fleetsave-test", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def refusal_of(backup: TreeBackup, game: Path, **how: str) -> str | None:
    with pytest.raises(RestoreError) as refused:
        backup.restorer(game, script=LocalScript(**how)).survey()
    return refused.value.reason


def test_a_folder_that_is_a_mount_point_is_refused(tmp_path: Path) -> None:
    game = make(tmp_path / "srv" / "game")
    backup = TreeBackup(game, tmp_path / "archive.tar")
    with mounted(game):
        assert refusal_of(backup, game) == "mount_point"


def test_a_folder_in_which_something_is_mounted_is_refused_and_the_mount_left_alone(tmp_path: Path) -> None:
    game = make(tmp_path / "srv" / "game")
    backup = TreeBackup(game, tmp_path / "archive.tar")
    with mounted(game / "world"):
        (game / "world" / "precious").write_text("on another disk")
        assert refusal_of(backup, game) == "mount_inside"
        assert (game / "world" / "precious").read_text() == "on another disk"


def test_a_disk_without_room_is_refused_before_anything_is_sent(small_disk: Path, tmp_path: Path) -> None:
    game = make(small_disk / "game", 700_000)
    backup = TreeBackup(game, tmp_path / "archive.tar")
    live = snapshot_of(game)
    assert refusal_of(backup, game) == "no_room"
    assert snapshot_of(game) == live


def test_a_disk_that_fills_up_meanwhile_leaves_the_folder_as_it_was(small_disk: Path, tmp_path: Path) -> None:
    game = make(small_disk / "game", 360_000)
    backup = TreeBackup(game, tmp_path / "archive.tar")
    live = snapshot_of(game)
    restorer = backup.restorer(game)
    with pytest.raises(RestoreError) as refused:
        backup.bring(restorer)
    assert refused.value.reason == "disk_full"
    assert snapshot_of(game) == live
    restorer.clean_up()
    assert [path.name for path in small_disk.iterdir()] == ["game"]


def test_an_account_that_owns_nothing_there_is_refused(open_folder: Path, unprivileged_python: Path, tmp_path: Path) -> None:
    game = make(open_folder / "game")
    backup = TreeBackup(game, tmp_path / "archive.tar")
    assert refusal_of(backup, game, python=str(unprivileged_python)) == "no_permission"


def test_an_owner_restores_his_folder_however_it_forbids_itself(
    open_folder: Path, unprivileged_python: Path, tmp_path: Path
) -> None:
    game = make(open_folder / "game")
    (game / "world" / "a.mca").chmod(0o000)
    (game / "world").chmod(0o555)
    own(open_folder, NOBODY)
    backup = TreeBackup(game, tmp_path / "archive.tar")
    old = snapshot_of(game)
    (game / "server.ini").write_text("new")
    restorer = backup.restore(game, script=LocalScript(str(unprivileged_python)))
    assert snapshot_of(game) == old
    assert [one.outcome for one in restorer.verify()] == [Outcome.PASSED]
    restorer.roll_back()
    assert (game / "server.ini").read_text() == "new"
    restorer.clean_up()
    assert [path.name for path in open_folder.iterdir() if "fleetsave" in path.name] == []


def test_owners_that_an_account_cannot_give_are_a_warning(open_folder: Path, unprivileged_python: Path, tmp_path: Path) -> None:
    game = make(open_folder / "game")
    own(open_folder, NOBODY)
    os.chown(game / "server.ini", 1234, 1234)
    backup = TreeBackup(game, tmp_path / "archive.tar")
    restorer = backup.restorer(game, script=LocalScript(str(unprivileged_python)))
    backup.bring(restorer)
    (passed, warned) = restorer.check().findings
    assert (passed.outcome, warned.outcome) == (Outcome.PASSED, Outcome.WARNING)
    assert "1 things have another owner" in warned.detail
    restorer.swap(SwapMethod.SET_ASIDE)
    assert (game / "server.ini").stat().st_uid == NOBODY
