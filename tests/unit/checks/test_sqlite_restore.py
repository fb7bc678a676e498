"""A restored file must work: sound pages, at least one table, every reference met."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.checks import sqlite_restore
from fleetsave.checks.sqlite_database import open_restored
from fleetsave.model.records import Finding, Level, Outcome
from tests.fixtures.stored_backups import make_database


def findings(path: Path) -> dict[str, Finding]:
    with open_restored(path, seconds=20) as database:
        found = sqlite_restore.check(database)
    assert {finding.level for finding in found} == {Level.RESTORED}
    return {finding.check: finding for finding in found}


def test_a_sound_database_passes_every_question(tmp_path: Path) -> None:
    found = findings(make_database(tmp_path / "a.db"))
    assert {name: finding.outcome for name, finding in found.items()} == dict.fromkeys(
        ("integrity", "tables", "foreign_keys"), Outcome.PASSED
    )


def test_a_page_of_zeros_fails(tmp_path: Path) -> None:
    path = make_database(tmp_path / "a.db")
    plain = bytearray(path.read_bytes())
    plain[3 * 4096 : 4 * 4096] = bytes(4096)
    path.write_bytes(plain)
    found = findings(path)
    assert list(found) == ["integrity"]
    assert found["integrity"].outcome is Outcome.FAILED


def test_an_index_that_misses_a_row_fails_where_quick_check_passes(tmp_path: Path) -> None:
    path = make_database(tmp_path / "a.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        index = connection.execute("SELECT * FROM sqlite_master WHERE name = 'ledger_player'").fetchone()
        connection.execute("DELETE FROM sqlite_master WHERE name = 'ledger_player'")
        connection.commit()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("INSERT INTO ledger (player, amount) VALUES (1, 1)")
        connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", index)
        connection.commit()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    finding = findings(path)["integrity"]
    assert finding.outcome is Outcome.FAILED
    assert "ledger_player" in finding.detail


def test_a_database_without_a_table_fails(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE t;")
    found = findings(path)
    assert found["integrity"].outcome is Outcome.PASSED
    assert found["tables"].outcome is Outcome.FAILED


def test_dangling_references_fail_and_name_their_table(tmp_path: Path) -> None:
    path = make_database(tmp_path / "a.db", script="INSERT INTO ledger (player, amount) VALUES (7777, 1), (7778, 1);")
    finding = findings(path)["foreign_keys"]
    assert finding.outcome is Outcome.FAILED
    assert "2 in 'ledger'" in finding.detail


@pytest.mark.parametrize(
    "script",
    ["CREATE TABLE t (a COLLATE weird); CREATE INDEX i ON t (a); INSERT INTO t VALUES ('x');",
     "CREATE TABLE t (a); CREATE INDEX i ON t (game_hash(a)); INSERT INTO t VALUES ('x');"],
)  # fmt: skip
def test_what_only_the_game_can_judge_is_suspect_and_says_what_is_lacking(tmp_path: Path, script: str) -> None:
    path = make_database(tmp_path / "a.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.create_collation("weird", lambda one, other: (one > other) - (one < other))
        connection.create_function("game_hash", 1, lambda text: text, deterministic=True)
        connection.executescript(script)
    finding = findings(path)["integrity"]
    assert finding.outcome is Outcome.SUSPECT
    assert "weird" in finding.detail or "game_hash" in finding.detail
