"""Databases that are written at full speed, in a folder and beside it: captured through SQLite, and nothing of them is left."""

import os
from pathlib import Path

import pytest

from fleetsave.local.game import check_game
from fleetsave.local.sshd import SshServer
from fleetsave.model.archives import DatabasePart, TreePart
from fleetsave.model.errors import CaptureError
from fleetsave.model.fleet import Server
from fleetsave.sources.over_ssh import SshSource
from fleetsave.transports.ssh import SshTransport
from tests.fixtures.archives import TakenArchive, order_of, take_archive
from tests.fixtures.captures import NO_PYTHON
from tests.fixtures.game import running_game


def copy_of(taken: TakenArchive, member: str) -> Path:
    path = taken.path.with_name("copy.db")
    path.write_bytes(taken.content(member))
    return path


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_database_in_a_folder_is_captured_as_it_was_at_one_moment(
    source: SshSource, staging: Path, tmp_path: Path, journal_mode: str
) -> None:
    folder = tmp_path / "game"
    folder.mkdir()
    (folder / "world.dat").write_bytes(b"world")
    with running_game(folder / "players.db", journal_mode=journal_mode, world_megabytes=2, log=tmp_path / "log") as game:
        for _ in range(3):
            acknowledged = game.acknowledged
            part = TreePart("files/game", str(folder), exclude=["*.status*"])
            taken = take_archive(source, order_of(part), tmp_path / "archive.tar")
            entry = taken.entries["files/game/players.db"]
            assert entry.sqlite is not None
            assert entry.sqlite["journal_mode"] == ("wal" if journal_mode == "wal" else "rollback")
            assert check_game(copy_of(taken, entry.path), at_least=acknowledged) == []
            assert [path for path in taken.entries if path.endswith(("-wal", "-shm", "-journal"))] == []
            assert taken.report.databases == ["files/game/players.db"]
    assert list(staging.iterdir()) == []


def test_a_full_backup_holds_databases_first_and_each_once(source: SshSource, staging: Path, tmp_path: Path) -> None:
    folder = tmp_path / "game"
    folder.mkdir()
    with running_game(folder / "players.db", log=tmp_path / "log") as game:
        acknowledged = game.acknowledged
        database = DatabasePart("databases/players.db", str(game.path), {"money": "SELECT sum(balance) FROM accounts"}, 60, 60)
        beside = [f"players.db{suffix}" for suffix in ("", "-wal", "-shm", "-journal")]
        trees = [
            TreePart("files/game", str(folder), exclude=[*beside, "*.status*"]),
            TreePart("files/ssh", "/etc/ssh", include=["ssh_config"]),
        ]
        taken = take_archive(source, order_of(*trees, databases=(database,)), tmp_path / "archive.tar")
    assert list(taken.entries)[:2] == ["databases/players.db", "files/game"]
    assert "files/ssh" in taken.entries
    assert taken.report.source_path == "/"
    assert check_game(copy_of(taken, "databases/players.db"), at_least=acknowledged) == []
    assert list(staging.iterdir()) == []


def test_our_own_snapshots_are_not_archived(source: SshSource, staging: Path, tmp_path: Path) -> None:
    staging.mkdir(mode=0o700)
    (staging / "other-run.db").write_bytes(b"a snapshot of another run")
    part = TreePart("files/all", str(tmp_path), exclude=["archive.tar"])
    taken = take_archive(source, order_of(part), tmp_path / "archive.tar")
    assert [path for path in taken.entries if "staging" in path] == []


def test_an_archive_that_is_given_up_leaves_nothing_on_the_server(source: SshSource, staging: Path, tmp_path: Path) -> None:
    folder = tmp_path / "game"
    folder.mkdir()
    with running_game(folder / "players.db", world_megabytes=64, log=tmp_path / "log"):
        with pytest.raises(CaptureError) as refused:
            take_archive(source, order_of(TreePart("files/game", str(folder))), tmp_path / "a.tar", should_stop=lambda: True)
        assert refused.value.reason == "too_slow"
    assert not staging.exists() or list(staging.iterdir()) == []


def source_without_python(ssh: SshServer) -> SshSource:
    server = Server(id="server_001", ssh=ssh.ssh_settings(), python=NO_PYTHON)
    return SshSource(SshTransport(ssh.ssh_settings(), ssh.private_key), server)


def test_without_python_sftp_does_and_databases_are_refused_by_name(ssh_server: SshServer, tmp_path: Path) -> None:
    folder = tmp_path / "game"
    folder.mkdir()
    (folder / os.fsdecode(b"world \xff")).write_bytes(b"world")
    source = source_without_python(ssh_server)
    part = TreePart("files/game", str(folder))
    taken = take_archive(source, order_of(part), tmp_path / "archive.tar")
    assert (taken.report.method, taken.report.sha256_origin) == ("archive_over_sftp", "collector")
    assert taken.report.notes
    with pytest.raises(CaptureError) as refused:
        take_archive(source, order_of(part, databases=(DatabasePart("databases/a.db", "/a.db", {}, 1, 1),)), tmp_path / "b.tar")
    source.close()
    assert refused.value.reason == "no_tools"
