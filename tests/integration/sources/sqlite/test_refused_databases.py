"""Each thing that keeps a database from being captured is refused by its name, and harms nothing."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create
from fleetsave.model.errors import CaptureError
from fleetsave.model.fleet import SqliteDatabase
from fleetsave.sources.sqlite import source
from tests.fixtures.captures import NO_PYTHON, Capturing

WAYS = pytest.mark.parametrize("python", [None, NO_PYTHON], ids=["python", "sqlite3 alone"])

HOLD_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchall()
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(path: Path, *statements: str) -> Iterator[None]:
    command = [sys.executable, "-c", HOLD_LOCK, str(path), *statements]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    yield
    process.communicate()


def make(path: Path, journal_mode: str = "wal") -> Path:
    create(path, journal_mode)
    return path


@WAYS
def test_what_is_no_database_is_refused(capturing: Capturing, tmp_path: Path, python: str | None) -> None:
    server = capturing.server(python=python)
    (tmp_path / "empty.db").touch()
    (tmp_path / "foreign.db").write_bytes(b"%PDF-1.7" + bytes(5000))
    (tmp_path / "encrypted.db").write_bytes(os.urandom(8192))
    with closing(sqlite3.connect(tmp_path / "bare.db")) as bare:
        bare.execute("CREATE TABLE t (a)")
        bare.execute("DROP TABLE t")
    reasons = {
        "missing.db": "missing",
        "missing/missing.db": "missing",
        "": "not_a_file",
        "empty.db": "empty",
        "bare.db": "empty",
        "foreign.db": "not_a_database",
        "encrypted.db": "not_a_database",
    }
    for name, reason in reasons.items():
        refused = capturing.refusal(tmp_path / name, server)
        assert (refused.reason, refused.retryable) == (reason, False), refused
        assert refused.hint


@WAYS
def test_a_damaged_database_raises_the_alarm(capturing: Capturing, tmp_path: Path, python: str | None) -> None:
    create(tmp_path / "a.db", "delete", world_megabytes=1)
    content = bytearray((tmp_path / "a.db").read_bytes())
    (tmp_path / "a.db").write_bytes(content[: len(content) // 2])
    refused = capturing.refusal(tmp_path / "a.db", capturing.server(python=python))
    assert refused.reason == "damaged"
    assert "older backups" in refused.hint


@WAYS
def test_a_locked_database_is_refused_after_its_deadline_and_may_be_tried_again(
    capturing: Capturing, tmp_path: Path, python: str | None
) -> None:
    path = make(tmp_path / "a.db", "delete")
    with another_process(path, "BEGIN EXCLUSIVE"):
        refused = capturing.refusal(path, capturing.server(python=python), deadline="2s")
    assert refused.reason == "locked"
    assert refused.retryable
    assert "lslocks" in refused.hint
    assert capturing.take(path).report.size


@WAYS
def test_exclusive_locking_mode_is_told_from_other_locks(capturing: Capturing, tmp_path: Path, python: str | None) -> None:
    path = make(tmp_path / "a.db", "wal")
    shut = ("PRAGMA locking_mode=EXCLUSIVE", "UPDATE accounts SET balance = balance")
    with another_process(path, *shut):
        refused = capturing.refusal(path, capturing.server(python=python), deadline="2s")
    assert refused.reason == "exclusive_lock"
    assert "locking_mode" in refused.hint


def test_a_lock_that_would_last_too_long_is_let_go(capturing: Capturing, tmp_path: Path) -> None:
    create(tmp_path / "a.db", "delete", world_megabytes=20)
    refused = capturing.refusal(tmp_path / "a.db", lock_limit="0.0001s")
    assert refused.reason == "lock_limit"
    assert refused.retryable
    with closing(sqlite3.connect(tmp_path / "a.db", timeout=0)) as game:
        game.execute("CREATE TABLE written (a)")


def test_a_held_lock_that_would_last_too_long_is_let_go(capturing: Capturing, tmp_path: Path, small_disk: Path) -> None:
    """The stream ends with an error, whatever had been read: after the lock is gone the file may be torn."""
    create(tmp_path / "a.db", "delete", world_megabytes=4)
    database = SqliteDatabase(path=str(tmp_path / "a.db"), lock_limit=timedelta(seconds=1))
    server = capturing.server(staging=str(small_disk))
    capture = source.capture(capturing.transport, server, database, database.path, "slot", scratch=tmp_path)
    assert not capture.resumable
    chunks = capture.read(0)
    next(chunks)
    with closing(sqlite3.connect(tmp_path / "a.db", timeout=20)) as game:
        game.execute("CREATE TABLE written (a)")
    with pytest.raises(CaptureError) as refused:
        list(chunks)
    assert refused.value.reason == "lock_limit"
    capture.release()


@contextmanager
def cut_off(path: Path, *attached: Path) -> Iterator[None]:
    """Leave a hot journal: the files of a transaction in the middle, as a killed game would."""
    aside = path.with_name("aside")
    aside.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as game:
        game.execute("PRAGMA cache_size=2")
        for number, other in enumerate(attached):
            game.execute(f"ATTACH '{other}' AS other{number}")
        game.execute("BEGIN IMMEDIATE")
        game.execute("UPDATE accounts SET balance = balance + 1")
        game.execute("UPDATE world SET block = zeroblob(1000000)")
        for file in path.parent.glob(f"{path.name}*"):
            shutil.copy(file, aside)
        game.execute("ROLLBACK")
    for file in aside.iterdir():
        shutil.copy(file, path.parent)
    yield


@WAYS
def test_a_hot_journal_is_rolled_back_in_our_copy_and_never_on_the_server(
    capturing: Capturing, tmp_path: Path, python: str | None
) -> None:
    path = tmp_path / "a.db"
    create(path, "delete", world_megabytes=2)
    with cut_off(path):
        files = [path, tmp_path / "a.db-journal"]
        before = [file.read_bytes() for file in files]
        if python is None:
            taken = capturing.take(path, checks={"money": "SELECT sum(balance) FROM accounts"})
            assert check_game(taken.path) == []
            assert taken.report.method == "recovered_hot_journal"
            assert taken.report.sha256_origin == "collector"
            assert taken.report.fingerprint is not None
            assert taken.report.fingerprint.checks == {"money": [200_000]}
        else:
            assert capturing.refusal(path, capturing.server(python=python)).reason == "hot_journal"
        assert [file.read_bytes() for file in files] == before


def test_a_hot_journal_of_several_databases_is_refused(capturing: Capturing, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    create(path, "delete", world_megabytes=2)
    with cut_off(path):
        name = b"/srv/super-journal"
        ending = len(name).to_bytes(4, "big") + sum(name).to_bytes(4, "big") + bytes.fromhex("d9d505f920a163d7")
        with (tmp_path / "a.db-journal").open("ab") as journal:
            journal.write(bytes(4) + name + ending)
        refused = capturing.refusal(path)
    assert refused.reason == "hot_journal"
    assert "several" in refused.cause


def test_a_full_disk_is_refused_where_only_the_sqlite3_program_is(capturing: Capturing, tmp_path: Path, small_disk: Path) -> None:
    create(tmp_path / "a.db", "wal", world_megabytes=2)
    refused = capturing.refusal(tmp_path / "a.db", capturing.server(python=NO_PYTHON, staging=str(small_disk)))
    assert refused.reason == "disk_full"
    assert refused.retryable
    assert list(small_disk.iterdir()) == []


def test_no_room_on_our_side_is_refused(
    capturing: Capturing, tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(tmp_path / "a.db", "wal", world_megabytes=2)
    monkeypatch.setattr(capturing, "scratch", small_disk)
    refused = capturing.refusal(tmp_path / "a.db", capturing.server(staging=str(small_disk)))
    assert refused.reason == "no_room_here"
    assert list(small_disk.iterdir()) == []


@WAYS
def test_a_check_that_fails_is_refused_and_names_itself(capturing: Capturing, tmp_path: Path, python: str | None) -> None:
    path = make(tmp_path / "a.db")
    before = path.read_bytes()
    for sql in (
        "SELECT nothing FROM nowhere",
        "WITH x AS (SELECT 1) DELETE FROM accounts",
        "SELECT x'00'",
        "DELETE FROM accounts",
    ):
        refused = capturing.refusal(path, capturing.server(python=python), checks={"money": sql})
        assert (refused.reason, refused.retryable) == ("bad_check", False)
        assert "money" in refused.cause
    assert path.read_bytes() == before
