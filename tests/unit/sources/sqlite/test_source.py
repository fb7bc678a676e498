"""What happens between the server and us while a capture is under way is noticed; here the server is this machine."""

import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create
from fleetsave.model.errors import CaptureError
from fleetsave.model.fleet import Server, SqliteDatabase, Ssh
from fleetsave.sources.base import Capture
from fleetsave.sources.sqlite import source
from tests.fakes.fake_transport import FakeTransport

SSH = Ssh(host="127.0.0.1", user="game", host_keys=["ssh-ed25519 AAAA"], key_secret="key")


class MeddledTransport(FakeTransport):
    """Does something to the server after each chunk that is read of a file whose name has the given ending."""

    def __init__(self, ending: str, meddle: Callable[[], object]) -> None:
        super().__init__()
        self._ending = ending
        self._meddle = meddle

    def read_file(self, path: str, *, offset: int, length: int) -> Iterator[bytes]:
        for chunk in super().read_file(path, offset=offset, length=length):
            if path.endswith(self._ending):
                self._meddle()
            yield chunk


def capture(transport: FakeTransport, path: Path, staging: Path) -> Capture:
    server = Server(id="server_001", ssh=SSH, staging=str(staging), python=sys.executable)
    database = SqliteDatabase(path=str(path))
    return source.capture(transport, server, database, str(path), "slot", scratch=path.parent / "scratch")


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []


def hot_journal(path: Path) -> None:
    create(path, "delete", world_megabytes=1)
    aside = path.with_name("aside")
    aside.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as game:
        game.execute("PRAGMA cache_size=2")
        game.execute("BEGIN IMMEDIATE")
        game.execute("UPDATE accounts SET balance = 0")
        game.execute("UPDATE world SET block = zeroblob(1000000)")
        for suffix in ("", "-journal"):
            shutil.copy(f"{path}{suffix}", aside)
        game.execute("ROLLBACK")
    for file in aside.iterdir():
        shutil.copy(file, path.parent)


def test_a_database_that_is_recovered_while_its_hot_journal_is_copied_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    hot_journal(path)

    def start_game() -> None:
        with closing(sqlite3.connect(path)) as game:
            game.execute("SELECT count(*) FROM accounts").fetchone()

    with pytest.raises(CaptureError) as refused:
        capture(MeddledTransport("a.db", start_game), path, tmp_path / "staging")
    assert refused.value.retryable
    assert left_in(tmp_path / "scratch") == []
    again = capture(FakeTransport(), path, tmp_path / "staging")
    assert again.report.method == "backup"


def test_a_journal_that_changes_while_it_is_copied_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    hot_journal(path)
    with pytest.raises(CaptureError) as refused:
        capture(MeddledTransport("-journal", lambda: os.utime(f"{path}-journal")), path, tmp_path / "staging")
    assert (refused.value.reason, refused.value.retryable) == ("changed", True)
    assert left_in(tmp_path / "scratch") == []


def test_a_checkpoint_and_new_commits_do_not_reach_a_copy_under_a_held_transaction(tmp_path: Path, small_disk: Path) -> None:
    path = tmp_path / "a.db"
    create(path, "wal", world_megabytes=2)
    with closing(sqlite3.connect(path, isolation_level=None)) as game:
        game.execute("UPDATE accounts SET balance = balance")

        def write_and_checkpoint() -> None:
            game.execute("UPDATE accounts SET balance = balance + 1")
            game.execute("PRAGMA wal_checkpoint(PASSIVE)")

        taken = capture(MeddledTransport("a.db", write_and_checkpoint), path, small_disk)
        (tmp_path / "taken.db").write_bytes(b"".join(taken.read(0)))
    taken.release()
    assert check_game(tmp_path / "taken.db") == []
    assert left_in(tmp_path / "scratch") == []


@pytest.mark.parametrize("ending", ["a.db", "a.db-wal"])
def test_a_wal_that_is_begun_anew_meanwhile_is_not_needed(tmp_path: Path, small_disk: Path, ending: str) -> None:
    path = tmp_path / "a.db"
    create(path, "wal", world_megabytes=2)
    with closing(sqlite3.connect(path, isolation_level=None)) as game:
        game.execute("UPDATE accounts SET balance = balance")
        game.execute("PRAGMA wal_checkpoint(PASSIVE)")
        transport = MeddledTransport(ending, lambda: game.execute("UPDATE accounts SET balance = balance + 1"))
        taken = capture(transport, path, small_disk)
        (tmp_path / "taken.db").write_bytes(b"".join(taken.read(0)))
    taken.release()
    assert check_game(tmp_path / "taken.db") == []


def test_a_copy_that_is_not_what_the_transaction_saw_is_refused(tmp_path: Path, small_disk: Path) -> None:
    """The last line of defence: here somebody writes past SQLite."""
    path = tmp_path / "a.db"
    create(path, "wal", world_megabytes=2)
    with closing(sqlite3.connect(path)) as game:
        game.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    class Lying(FakeTransport):
        def read_file(self, path: str, *, offset: int, length: int) -> Iterator[bytes]:
            content = b"".join(super().read_file(path, offset=offset, length=length))
            yield content.replace(b"CREATE TABLE world", b"CREATE TABLE wurld")

    with pytest.raises(CaptureError) as refused:
        capture(Lying(), path, small_disk)
    assert refused.value.reason == "not_whole"
    assert left_in(tmp_path / "scratch") == []


def test_a_snapshot_that_goes_missing_is_told_as_such_and_may_be_taken_again(tmp_path: Path) -> None:
    create(tmp_path / "a.db", "wal")
    frozen = capture(FakeTransport(), tmp_path / "a.db", tmp_path / "staging")
    (tmp_path / "staging" / "slot.db").unlink()
    with pytest.raises(CaptureError) as refused:
        list(frozen.read(0))
    assert (refused.value.reason, refused.value.retryable) == ("snapshot_gone", True)


def test_a_file_whose_name_no_record_can_hold_is_refused_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.db")).touch()
    with pytest.raises(CaptureError) as refused:
        source.expand(FakeTransport(), SqliteDatabase(path=f"{tmp_path}/*.db"))
    assert refused.value.reason == "unsupported_name"


def test_an_account_that_runs_no_commands_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError) as refused:
        capture(FakeTransport(can_execute=False), tmp_path / "a.db", tmp_path)
    assert refused.value.reason == "sftp_only"


def test_a_game_of_another_user_can_still_write_after_root_has_read_it(tmp_path: Path) -> None:
    create(tmp_path / "a.db", "wal")
    os.chown(tmp_path / "a.db", 12345, 12345)
    capture(FakeTransport(), tmp_path / "a.db", tmp_path / "staging").release()
    assert {file.stat().st_uid for file in tmp_path.glob("a.db*")} == {12345}
