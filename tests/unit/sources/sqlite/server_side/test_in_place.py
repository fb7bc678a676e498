"""A restore through SQLite is one transaction, proven equal, or known to have been written since."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.sources.sqlite.server_side import in_place
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, Request
from fleetsave.sources.sqlite.server_side.in_place import (
    NothingChangedError,
    fit_copy,
    journal_mode_of,
    write_through,
)
from fleetsave.sources.sqlite.server_side.target import Target

MODES = pytest.mark.parametrize("mode", ["wal", "delete"])


def make(path: Path, mode: str, rows: int, *, page_size: int = 4096) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size={page_size}")
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE t (x)")
        connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(rows)])
    return path


def target_of(path: Path) -> Target:
    return Target(Request({"operation": "restore_swap", "path": str(path)}))


def rows_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])


@pytest.fixture(params=["wal", "delete"])
def game(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A program that has the live database open; it holds ten rows, and the copy fifty."""
    make(tmp_path / "live.db", request.param, 10)
    make(tmp_path / "copy.db", "wal" if request.param == "delete" else "delete", 50)
    with closing(sqlite3.connect(tmp_path / "live.db", isolation_level=None, timeout=10)) as connection:
        assert rows_of(connection) == 10
        yield connection


def restore(folder: Path, deadline: float = 10) -> dict[str, object]:
    target, limit = target_of(folder / "live.db"), Deadline(deadline)
    fit_copy(os.fsencode(folder / "copy.db"), *journal_mode_of(target, limit), limit)
    return write_through(os.fsencode(folder / "copy.db"), target, {}, limit)


def after_the_commit(monkeypatch: pytest.MonkeyPatch, meddle: Callable[[], object]) -> None:
    write = in_place._write

    def meddled(copy: sqlite3.Connection, live: sqlite3.Connection, deadline: Deadline) -> None:
        write(copy, live, deadline)
        meddle()

    monkeypatch.setattr(in_place, "_write", meddled)


def test_a_program_that_has_it_open_sees_what_was_restored(game: sqlite3.Connection, tmp_path: Path) -> None:
    (mode,) = game.execute("PRAGMA journal_mode").fetchone()
    outcome = restore(tmp_path)
    assert outcome["moved_on"] is False
    assert outcome["state"] == target_of(tmp_path / "live.db").state()
    assert rows_of(game) == 50
    assert game.execute("PRAGMA journal_mode").fetchone() == (mode,)
    game.execute("INSERT INTO t VALUES (1)")
    assert outcome["state"] != target_of(tmp_path / "live.db").state()


def test_a_commit_before_the_comparison_is_known_as_such(
    game: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_the_commit(monkeypatch, lambda: game.execute("INSERT INTO t VALUES (1)"))
    assert restore(tmp_path)["moved_on"] is True


def test_a_difference_that_no_commit_explains_is_a_fault(
    game: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(in_place, "_write", lambda *_: None)
    with pytest.raises(RefusedError) as refused:
        restore(tmp_path)
    assert refused.value.reason == "not_equal"
    assert rows_of(game) == 10


def test_another_schema_is_a_fault_whoever_has_written(
    game: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_the_commit(monkeypatch, lambda: game.execute("CREATE TABLE u (x)"))
    with pytest.raises(RefusedError, match="schema"):
        restore(tmp_path)


def test_a_lock_that_is_not_let_go_ends_it_with_nothing_changed(game: sqlite3.Connection, tmp_path: Path) -> None:
    game.execute("BEGIN IMMEDIATE")
    with pytest.raises(NothingChangedError) as refused:
        restore(tmp_path, deadline=0.5)
    assert refused.value.reason == "locked"
    game.execute("ROLLBACK")
    assert rows_of(game) == 10


def test_a_lock_that_is_let_go_is_waited_for(game: sqlite3.Connection, tmp_path: Path) -> None:
    release = threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(tmp_path / "live.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            held.set()
            release.wait(0.3)
            other.execute("ROLLBACK")

    held = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    assert restore(tmp_path)["moved_on"] is False
    holder.join()
    assert rows_of(game) == 50


def test_time_that_is_up_while_it_writes_changes_nothing(game: sqlite3.Connection, tmp_path: Path) -> None:
    (tmp_path / "copy.db").unlink()
    make(tmp_path / "copy.db", "delete", 1)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        copy.execute("INSERT INTO t VALUES (zeroblob(30000000))")
        copy.commit()

    with (
        closing(sqlite3.connect(tmp_path / "copy.db")) as copy,
        closing(sqlite3.connect(tmp_path / "live.db", isolation_level=None)) as live,
        pytest.raises(NothingChangedError) as refused,
    ):
        in_place._write(copy, live, Deadline(0))
    assert refused.value.reason == "deadline"
    assert rows_of(game) == 10


@MODES
def test_another_page_size_is_restored_only_where_sqlite_can_change_it(tmp_path: Path, mode: str) -> None:
    make(tmp_path / "live.db", mode, 10, page_size=1024)
    make(tmp_path / "copy.db", "wal", 50)
    if mode == "wal":
        with pytest.raises(RefusedError) as refused:
            restore(tmp_path)
        assert refused.value.reason == "page_size_differs"
    else:
        assert restore(tmp_path)["moved_on"] is False
    with closing(sqlite3.connect(tmp_path / "live.db")) as live:
        assert rows_of(live) == (10 if mode == "wal" else 50)


@MODES
def test_data_version_tells_of_commits_by_others_and_not_of_our_own_restore(tmp_path: Path, mode: str) -> None:
    """What the comparison rests on, by itself."""
    make(tmp_path / "live.db", mode, 10)
    make(tmp_path / "copy.db", mode, 50)
    with (
        closing(sqlite3.connect(tmp_path / "live.db", isolation_level=None)) as game,
        closing(sqlite3.connect(tmp_path / "live.db", isolation_level=None)) as live,
        closing(sqlite3.connect(f"file:{tmp_path}/copy.db?mode=ro&immutable=1", uri=True)) as copy,
    ):
        before = live.execute("PRAGMA data_version").fetchone()
        copy.backup(live, pages=1)
        assert live.execute("PRAGMA data_version").fetchone() == before
        game.execute("INSERT INTO t VALUES (1)")
        assert live.execute("PRAGMA data_version").fetchone() != before
