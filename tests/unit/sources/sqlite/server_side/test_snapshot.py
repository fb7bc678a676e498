"""One read transaction sees one state, however long the copy takes and whatever is committed meanwhile."""

import hashlib
import io
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fleetsave.local.game import check_game, create
from fleetsave.sources.sqlite.server_side import snapshot, staging
from fleetsave.sources.sqlite.server_side.content import begin
from fleetsave.sources.sqlite.server_side.ground import Deadline, Request, Source, connect
from fleetsave.sources.sqlite.server_side.main import answer
from tests.fixtures.game import running_game


def make(path: Path, journal_mode: str, rows: int = 500) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    connection.execute(f"PRAGMA journal_mode={journal_mode}")
    connection.execute("CREATE TABLE t (a)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,) for _ in range(rows)])
    connection.execute("COMMIT")
    return connection


def ask(tmp_path: Path, **values: Any) -> dict[str, Any]:
    request = {"operation": "snapshot", "name": "a", "staging": str(tmp_path / "staging"), "checks": {}, **values}
    return answer(Request(request), io.BytesIO(), io.BytesIO())


def test_the_copy_uses_the_open_transaction_and_never_begins_anew(tmp_path: Path) -> None:
    """A page a step, with a commit before each: had the copy a view of its own, it would begin anew and grow."""
    with closing(make(tmp_path / "a.db", "wal")) as writer:
        reader = connect(bytes(tmp_path / "a.db"), Deadline(60), "?mode=ro")
        begin(reader, Deadline(30))
        remaining: list[int] = []

        def commit_before_each_step(_status: int, pages_left: int, _pages: int) -> None:
            remaining.append(pages_left)
            writer.execute("INSERT INTO t VALUES ('new')")
            writer.execute("UPDATE t SET a = ? WHERE rowid = ?", (f"changed {pages_left}", len(remaining) % 500))

        with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
            reader.backup(copy, pages=1, progress=commit_before_each_step)
            assert copy.execute("SELECT count(*), max(a) FROM t").fetchone() == (500, "x" * 1000)
        assert len(remaining) > 100
        assert remaining == list(range(len(remaining) - 1, -1, -1))
        assert writer.execute("SELECT count(*) FROM t").fetchone() == (500 + len(remaining),)
        reader.close()


def test_without_the_open_transaction_the_copy_begins_anew(tmp_path: Path) -> None:
    with closing(make(tmp_path / "a.db", "wal")) as writer:
        reader = connect(bytes(tmp_path / "a.db"), Deadline(60), "?mode=ro")
        remaining: list[int] = []

        def commit_before_some_steps(_status: int, pages_left: int, _pages: int) -> None:
            remaining.append(pages_left)
            if len(remaining) < 50:
                writer.execute("INSERT INTO t VALUES ('new')")

        with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
            reader.backup(copy, pages=10, progress=commit_before_some_steps)
            assert copy.execute("SELECT count(*) FROM t").fetchone() > (500,)
        assert remaining != sorted(remaining, reverse=True) or len(set(remaining)) < len(remaining)
        reader.close()


def test_writers_of_a_rollback_journal_wait_for_the_copy(tmp_path: Path) -> None:
    with closing(make(tmp_path / "a.db", "delete")) as writer:
        reader = connect(bytes(tmp_path / "a.db"), Deadline(60), "?mode=ro")
        begin(reader, Deadline(30))
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            writer.execute("INSERT INTO t VALUES ('new')")
        reader.close()
        writer.execute("INSERT INTO t VALUES ('new')")


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
@pytest.mark.parametrize("has_backup", [True, False])
def test_a_snapshot_of_a_busy_database_is_whole(
    tmp_path: Path, journal_mode: str, has_backup: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "STEP_PAGES", 20)
    if not has_backup:
        monkeypatch.setattr(snapshot, "hasattr", lambda *_: False, raising=False)
    with running_game(tmp_path / "a.db", journal_mode=journal_mode, world_megabytes=2) as game:
        acknowledged = game.acknowledged
        report = ask(tmp_path, path=str(game.path), checks={"money": "SELECT sum(balance) FROM accounts"})["ok"]
    content = Path(report["path"]).read_bytes()
    assert check_game(Path(report["path"]), at_least=acknowledged) == []
    assert report["sha256"] == hashlib.sha256(content).hexdigest()
    assert report["size"] == len(content) == report["page_size"] * report["page_count"]
    assert report["method"] == ("backup" if has_backup else "vacuum_into")
    assert report["journal_mode"] == ("wal" if journal_mode == "wal" else "rollback")
    assert (report["writer_stall_seconds"] > 0) is (journal_mode == "delete")
    assert report["fingerprint"]["checks"] == {"money": [200_000]}


def test_asking_again_gives_the_same_snapshot(tmp_path: Path) -> None:
    with closing(make(tmp_path / "a.db", "wal")) as writer:
        first = ask(tmp_path, path=str(tmp_path / "a.db"))
        writer.execute("INSERT INTO t VALUES ('new')")
        assert ask(tmp_path, path=str(tmp_path / "a.db")) == first
        assert ask(tmp_path, operation="find") == first
        Path(first["ok"]["path"]).write_bytes(b"cut off")
        again = ask(tmp_path, path=str(tmp_path / "a.db"))
        assert again["ok"]["snapshot_id"] != first["ok"]["snapshot_id"]
        assert again["ok"]["fingerprint"]["row_counts"] == {"t": 501}


def test_a_snapshot_of_another_path_is_taken_anew(tmp_path: Path) -> None:
    make(tmp_path / "a.db", "wal").close()
    make(tmp_path / "b.db", "wal", rows=3).close()
    ask(tmp_path, path=str(tmp_path / "a.db"))
    assert ask(tmp_path, path=str(tmp_path / "b.db"))["ok"]["fingerprint"]["row_counts"] == {"t": 3}


def test_dropping_removes_all_of_it(tmp_path: Path) -> None:
    make(tmp_path / "a.db", "wal").close()
    ask(tmp_path, path=str(tmp_path / "a.db"))
    for _ in range(2):
        assert ask(tmp_path, operation="drop") == {"ok": None}
        assert list((tmp_path / "staging").iterdir()) == []


def test_its_files_are_readable_by_us_alone(tmp_path: Path) -> None:
    make(tmp_path / "a.db", "wal").close()
    before = os.umask(0o077)
    try:
        ask(tmp_path, path=str(tmp_path / "a.db"))
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "staging").iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("limits", "journal_mode", "reason"),
    [({"deadline": 0.0}, "wal", "deadline"), ({"lock_limit": 0.0}, "delete", "lock_limit")],
)
def test_past_a_limit_it_gives_up_and_leaves_nothing(
    tmp_path: Path, limits: dict[str, float], journal_mode: str, reason: str
) -> None:
    make(tmp_path / "a.db", journal_mode).close()
    assert ask(tmp_path, path=str(tmp_path / "a.db"), **limits)["error"] == reason
    assert list((tmp_path / "staging").iterdir()) == []


def test_a_wal_database_is_not_bound_by_the_lock_limit(tmp_path: Path) -> None:
    make(tmp_path / "a.db", "wal").close()
    assert "ok" in ask(tmp_path, path=str(tmp_path / "a.db"), lock_limit=0)


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create(tmp_path / "a.db", "delete", world_megabytes=2)
    before = (tmp_path / "a.db").read_bytes()
    monkeypatch.setattr(staging.Staging, "require_room", lambda *_: None)
    reply = ask(tmp_path, path=str(tmp_path / "a.db"), staging=str(small_disk))
    assert reply["error"] == "disk_full"
    assert list(small_disk.iterdir()) == []
    assert (tmp_path / "a.db").read_bytes() == before


def test_an_old_python_with_an_old_sqlite_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "a.db", "wal").close()
    monkeypatch.setattr(snapshot, "hasattr", lambda *_: False, raising=False)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 26, 0))
    assert ask(tmp_path, path=str(tmp_path / "a.db"))["error"] == "no_snapshot_method"


@pytest.mark.parametrize(("stored", "size"), [(4096, 4096), (512, 512), (1, 65536)])
def test_the_page_size_is_read_from_the_header(stored: int, size: int) -> None:
    assert snapshot.page_size_of(bytes(16) + stored.to_bytes(2, "big")) == size


def test_reading_without_a_lock_notices_a_game_that_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "a.db", "wal").close()
    monkeypatch.setattr(Source, "must_be_read_as_immutable", True)
    assert "immutable" in ask(tmp_path, path=str(tmp_path / "a.db"))["ok"]["notes"][0]
    ask(tmp_path, operation="drop")

    def start_game(*_: object) -> dict[str, object]:
        with closing(sqlite3.connect(tmp_path / "a.db")) as game, game:
            game.execute("INSERT INTO t VALUES (1)")
        return {}

    monkeypatch.setattr(snapshot, "fingerprint", start_game)
    assert ask(tmp_path, path=str(tmp_path / "a.db"))["error"] == "changed"
    assert list((tmp_path / "staging").iterdir()) == []
