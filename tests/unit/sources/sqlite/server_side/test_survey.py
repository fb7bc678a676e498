"""A survey says what stands there, and leaves no trace."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.game import create
from fleetsave.sources.sqlite.server_side.survey import SPARE_ROOM, room_for
from tests.unit.sources.sqlite.server_side.test_swap import Recovery


@pytest.fixture
def recovery(tmp_path: Path) -> Recovery:
    create(tmp_path / "backup.db", "delete")
    (tmp_path / "live").mkdir()
    return Recovery(tmp_path, tmp_path / "backup.db")


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_database_that_nobody_has_open_gets_no_sidecars(recovery: Recovery, mode: str) -> None:
    create(recovery.target, mode)
    found = recovery.ask("survey")
    assert (found["target_state"], found["journal_mode"]) == ("healthy", "wal" if mode == "wal" else "rollback")
    assert [file.name for file in recovery.target.parent.iterdir()] == ["a.db"]


def test_what_is_only_in_the_wal_counts_too(recovery: Recovery) -> None:
    create(recovery.target, "wal")
    before = recovery.ask("survey")
    with closing(sqlite3.connect(recovery.target, isolation_level=None)) as game:
        game.execute("CREATE TABLE more (x)")
        found = recovery.ask("survey")
    assert found["size"] > before["size"]
    assert found["schema_sha256"] != before["schema_sha256"]


def test_a_database_without_a_table_is_empty(recovery: Recovery) -> None:
    with closing(sqlite3.connect(recovery.target)) as game:
        game.execute("PRAGMA user_version=1")
    assert recovery.ask("survey")["target_state"] == "empty"


def test_sidecars_of_a_database_that_is_gone_are_told_of(recovery: Recovery) -> None:
    (recovery.target.parent / "a.db-wal").write_bytes(b"stale")
    found = recovery.ask("survey")
    assert found["target_state"] == "missing"
    assert "a.db-wal" in found["notes"][0]


def test_the_room_that_is_taken_already_is_not_needed_again(recovery: Recovery) -> None:
    create(recovery.target, "delete")
    before = recovery.ask("survey")["room_needed"]
    assert before == room_for(len(recovery.content), recovery.target.stat().st_size) > SPARE_ROOM
    recovery.ask("receive", recovery.content)
    assert recovery.ask("survey")["room_needed"] == before - len(recovery.content)


def test_a_python_without_backup_is_refused(recovery: Recovery, monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        pass

    monkeypatch.setattr(sqlite3, "Connection", Old)
    assert "no_tools" in recovery.error("survey")
