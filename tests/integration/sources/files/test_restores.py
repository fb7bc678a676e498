"""Folders restored on this machine: whole, by chosen paths, beside what is there, and back again."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fleetsave.model.errors import RestoreError
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_records import SwapMethod, TargetState
from tests.fixtures.tree_restores import TreeBackup
from tests.fixtures.trees import hostile_tree, snapshot_of

Snapshot = dict[bytes, dict[str, Any]]


def small_tree(folder: Path, word: str) -> None:
    """Make a game's folder, whose every file holds the word."""
    for path in ("world/a.mca", "world/b.mca", "world/deep/c.mca", "config/server.ini", "plugins/p.jar"):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{word} {path}")
    os.link(folder / "world/a.mca", folder / "world/same as a")
    (folder / "world/link").symlink_to("deep/c.mca")
    (folder / "world/empty").mkdir(mode=0o750)
    os.utime(folder / "world/a.mca", ns=(1, 1_700_000_000_123_456_789))


@pytest.fixture
def game(tmp_path: Path) -> Path:
    folder = tmp_path / "srv" / "game"
    small_tree(folder, "old")
    return folder


@pytest.fixture
def backup(game: Path, tmp_path: Path) -> TreeBackup:
    return TreeBackup(game, tmp_path / "archive.tar")


def change(folder: Path) -> None:
    """Go on playing: files are rewritten, made and removed."""
    (folder / "world/a.mca").write_text("new")
    (folder / "world/b.mca").unlink()
    (folder / "world/new.mca").write_text("new")
    (folder / "config/server.ini").chmod(0o600)
    (folder / "plugins/other").mkdir()


def beside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.parent.iterdir())


def test_a_folder_of_everything_comes_back_exactly_as_it_was(tmp_path: Path) -> None:
    game = tmp_path / "srv" / "game"
    hostile_tree(game)
    before = snapshot_of(game)
    backup = TreeBackup(game, tmp_path / "archive.tar")
    (game / "large.bin").write_bytes(b"ruined")
    restorer = backup.restore(game)
    assert snapshot_of(game) == before
    assert [finding.outcome for finding in restorer.verify()] == [Outcome.PASSED]


def test_what_stood_there_is_kept_beside_and_comes_back(game: Path, backup: TreeBackup) -> None:
    old = snapshot_of(game)
    change(game)
    live = snapshot_of(game)
    restorer = backup.restore(game)
    assert snapshot_of(game) == old
    kept = Path(str(restorer.swap(SwapMethod.SET_ASIDE).kept))
    assert snapshot_of(kept / "game") == live
    assert "stands there again" in restorer.roll_back()
    assert snapshot_of(game) == live
    restorer.clean_up()
    assert beside(game) == ["game"]


def test_cleaning_up_keeps_the_old_folder_and_nothing_else(game: Path, backup: TreeBackup) -> None:
    change(game)
    live = snapshot_of(game)
    restorer = backup.restore(game)
    restorer.clean_up()
    (left,) = [path for path in game.parent.iterdir() if path != game]
    assert [path.name for path in left.iterdir()] == ["aside"]
    assert snapshot_of(left / "aside" / "game") == live


def test_a_missing_folder_is_made(game: Path, backup: TreeBackup) -> None:
    old = snapshot_of(game)
    subprocess.run(["rm", "-rf", str(game)], check=True)
    restorer = backup.restore(game)
    assert snapshot_of(game) == old
    restorer.clean_up()
    assert beside(game) == ["game"]


def test_a_new_folder_never_takes_the_place_of_anything(game: Path, backup: TreeBackup) -> None:
    live = snapshot_of(game)
    with pytest.raises(RestoreError, match="does not name it") as refused:
        backup.restorer(game, is_new=True).survey()
    assert refused.value.reason == "target_exists"
    copied = game.parent / "another"
    backup.restore(copied, is_new=True)
    assert snapshot_of(copied) == snapshot_of(game) == live


def test_chosen_paths_are_put_back_and_all_else_is_left_alone(game: Path, backup: TreeBackup) -> None:
    old = snapshot_of(game)
    change(game)
    live = snapshot_of(game)
    paths = ["world/*.mca", "world/empty"]
    restorer = backup.restore(game, paths)
    now = snapshot_of(game)
    content = {path: entry.get("sha256") for path, entry in old.items()}
    for path in (b"world/a.mca", b"world/b.mca"):
        assert now[path]["sha256"] == content[path]
        assert now[path]["mtime_ns"] == old[path]["mtime_ns"]
    assert now[b"world/new.mca"] == live[b"world/new.mca"]
    untouched = [path for path in live if path not in (b"world", b"world/a.mca", b"world/same as a")]
    assert {path: now[path] for path in untouched} == {path: live[path] for path in untouched}
    assert [finding.outcome for finding in restorer.verify()] == [Outcome.PASSED]
    restorer.roll_back()
    back = snapshot_of(game)
    assert {**back, b"world": None} == {**live, b"world": None}


def test_missing_folders_on_the_way_are_made_as_they_were(game: Path) -> None:
    (game / "world").chmod(0o2775)
    archived = TreeBackup(game, game.parent.parent / "second.tar")
    old = snapshot_of(game)
    subprocess.run(["rm", "-rf", str(game / "world")], check=True)
    restorer = archived.restore(game, ["world/deep/c.mca"])
    now = snapshot_of(game)
    for path in (b"world", b"world/deep", b"world/deep/c.mca"):
        assert now[path] == old[path]
    assert b"world/a.mca" not in now
    restorer.roll_back()
    assert b"world" not in snapshot_of(game)


def test_a_hard_link_whose_first_name_is_not_chosen_brings_its_content(game: Path, backup: TreeBackup) -> None:
    (game / "world/same as a").unlink()
    backup.restore(game, ["world/same as a"])
    assert (game / "world/same as a").read_text() == "old world/a.mca"


def test_what_a_recovery_had_made_is_moved_aside_when_it_is_taken_back(game: Path, backup: TreeBackup) -> None:
    small = snapshot_of(game)
    (game / "world/new").mkdir()
    (game / "world/new/file").write_text("made since")
    restorer = backup.restore(game, ["world/**"], made=["world/new"])
    assert not (game / "world/new").exists()
    kept = Path(str(restorer.swap(SwapMethod.SET_ASIDE).kept))
    assert (kept / "world/new/file").read_text() == "made since"
    assert snapshot_of(game)[b"world/a.mca"]["sha256"] == small[b"world/a.mca"]["sha256"]
    restorer.roll_back()
    assert (game / "world/new/file").read_text() == "made since"


def test_nothing_is_put_where_a_link_leads(game: Path, backup: TreeBackup, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    subprocess.run(["rm", "-rf", str(game / "world")], check=True)
    (game / "world").symlink_to(outside)
    restorer = backup.restorer(game, ["world/a.mca"])
    with pytest.raises(RestoreError) as refused:
        backup.bring(restorer, ["world/a.mca"])
    assert refused.value.reason == "in_the_way"
    assert list(outside.iterdir()) == []
    assert (game / "world").is_symlink()


def test_links_that_lead_out_are_refused_unless_they_are_allowed(game: Path) -> None:
    (game / "out").symlink_to("/etc/passwd")
    backup = TreeBackup(game, game.parent.parent / "with link.tar")
    live = snapshot_of(game)
    restorer = backup.restorer(game, links_out=False)
    with pytest.raises(RestoreError, match="leads out of the folder") as refused:
        backup.bring(restorer)
    assert refused.value.reason == "links_out"
    assert snapshot_of(game) == live
    backup.restore(game, links_out=True)
    assert snapshot_of(game) == live


def test_who_uses_the_folder_is_told_and_stops_the_swap(game: Path, backup: TreeBackup) -> None:
    live = snapshot_of(game)
    script = "import sys; f = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(game / "world/b.mca")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        user.stdout.readline()
        assert [str(user.pid) in one for one in backup.restorer(game).survey().open_by] == [True]
        assert backup.restorer(game, ["world/a.mca"]).survey().open_by == []
        assert len(backup.restorer(game, ["world/*"]).survey().open_by) == 1
        restorer = backup.restorer(game)
        backup.bring(restorer)
        with pytest.raises(RestoreError) as refused:
            restorer.swap(SwapMethod.SET_ASIDE)
        assert refused.value.reason == "in_use"
        assert snapshot_of(game) == live
        user.communicate()
    restorer.swap(SwapMethod.SET_ASIDE)
    assert snapshot_of(game) == live


def test_what_a_program_has_written_since_is_no_fault_and_what_was_ruined_is(game: Path, backup: TreeBackup) -> None:
    restorer = backup.restore(game)
    (game / "world/b.mca").write_text("played on")
    (finding,) = restorer.verify()
    assert (finding.outcome, "1 were written since" in finding.detail) == (Outcome.PASSED, True)
    status = (game / "plugins/p.jar").stat()
    (game / "plugins/p.jar").write_text("ruined")
    os.utime(game / "plugins/p.jar", ns=(status.st_atime_ns, status.st_mtime_ns))
    (finding,) = restorer.verify()
    assert (finding.outcome, "plugins/p.jar" in finding.detail) == (Outcome.FAILED, True)


def test_a_copy_that_was_altered_is_thrown_away_and_sent_again(game: Path, backup: TreeBackup) -> None:
    live, copy = snapshot_of(game), bytearray(backup.copy())
    copy[600] ^= 1
    restorer = backup.restorer(game)
    restorer.receive(0, iter([bytes(copy)]), lambda _position: None)
    with pytest.raises(RestoreError) as refused:
        restorer.check()
    assert (refused.value.reason, refused.value.retryable, restorer.received()) == ("altered_copy", True, 0)
    assert snapshot_of(game) == live
    backup.restore(game)
    assert snapshot_of(game) == live


def test_an_upload_that_was_cut_goes_on_where_it_was(game: Path, backup: TreeBackup) -> None:
    copy = backup.copy()
    restorer = backup.restorer(game)
    restorer.receive(0, iter([copy[:1000]]), lambda _position: None)
    assert restorer.received() == 1000
    restorer.receive(1000, iter([copy[1000:]]), lambda _position: None)
    assert restorer.received() == len(copy)
    restorer.check()
    assert restorer.received() == len(copy)
    assert restorer.check() == restorer.check()


def test_something_that_is_no_folder_is_set_aside_by_a_whole_recovery(game: Path, backup: TreeBackup) -> None:
    old = snapshot_of(game)
    subprocess.run(["rm", "-rf", str(game)], check=True)
    game.write_text("a file")
    assert backup.restorer(game).survey().target_state is TargetState.FOREIGN
    restorer = backup.restore(game)
    assert snapshot_of(game) == old
    restorer.roll_back()
    assert game.read_text() == "a file"
