"""A fingerprint tells two databases apart, whatever their tables are called."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleetsave.checks import fingerprint as restored
from fleetsave.checks.sqlite_database import open_restored
from fleetsave.sources.sqlite.server_side.content import begin, fingerprint
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError, connect

NAMES = ["accounts", 'say "hi"', "it's", "a;b", "--", "new\nline", "データ", "select", " ", "[x]", "sqliteish"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        for rows, name in enumerate(NAMES):
            quoted = '"' + name.replace('"', '""') + '"'
            connection.execute(f"CREATE TABLE {quoted} (a INTEGER PRIMARY KEY AUTOINCREMENT, b)")
            connection.executemany(f"INSERT INTO {quoted} (b) VALUES (?)", [(n,) for n in range(rows)])
        connection.execute("CREATE INDEX i ON accounts (b)")
        connection.execute("CREATE VIEW v AS SELECT 1 AS one")
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(word)")
        connection.execute("INSERT INTO words VALUES ('one')")
        connection.execute("ANALYZE")
    connection.close()
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(bytes(path), Deadline(30), "?mode=ro")
    begin(connection, Deadline(30))
    yield connection
    connection.close()


def test_every_ordinary_table_is_counted(connection: sqlite3.Connection) -> None:
    counts = fingerprint(connection, {})["row_counts"]
    assert isinstance(counts, dict)
    assert {name: counts[name] for name in NAMES} == {name: rows for rows, name in enumerate(NAMES)}
    assert set(counts) - set(NAMES) == {f"words_{part}" for part in ("data", "idx", "content", "docsize", "config")}


def test_it_is_what_verify_asks_of_the_restored_copy(connection: sqlite3.Connection, path: Path) -> None:
    taken = fingerprint(connection, {})
    with open_restored(path, seconds=30) as database:
        assert restored.row_counts(database) == taken["row_counts"]
        assert restored.schema_sha256(database) == taken["schema_sha256"]


def test_a_changed_schema_is_another_fingerprint(connection: sqlite3.Connection, path: Path) -> None:
    before = fingerprint(connection, {})
    connection.execute("ROLLBACK")
    with sqlite3.connect(path) as writer:
        writer.execute("DROP INDEX i")
    writer.close()
    begin(connection, Deadline(30))
    after = fingerprint(connection, {})
    assert after["row_counts"] == before["row_counts"]
    assert after["schema_sha256"] != before["schema_sha256"]


def test_a_check_gives_its_first_row(connection: sqlite3.Connection) -> None:
    checks = {"row": "SELECT 1, 2.5, 'x', NULL UNION ALL SELECT 2, 2, 2, 2", "none": "SELECT 1 WHERE 0"}
    taken = fingerprint(connection, checks)
    assert taken["checks"] == {"row": [1, 2.5, "x", None], "none": []}
    assert taken["check_sql"] == checks


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nothing FROM nowhere",
        "SELECT 1; SELECT 2",
        "WITH x AS (SELECT 1) DELETE FROM accounts",
        "SELECT x'00'",
        "SELECT 9e999",
        "SELEC",
    ],
)
def test_a_check_that_fails_writes_or_gives_no_plain_value_is_refused(connection: sqlite3.Connection, sql: str) -> None:
    with pytest.raises(RefusedError, match="money") as refused:
        fingerprint(connection, {"money": sql})
    assert refused.value.reason == "bad_check"


def test_an_index_that_needs_the_games_own_collation_does_no_harm(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "b.db") as game:
        game.create_collation("shout", lambda a, b: (a > b) - (a < b))
        game.execute("CREATE TABLE t (a TEXT, b TEXT)")
        game.execute("CREATE INDEX i ON t (a COLLATE shout)")
        game.execute("INSERT INTO t VALUES ('x', 'y')")
    game.close()
    connection = connect(bytes(tmp_path / "b.db"), Deadline(30), "?mode=ro")
    begin(connection, Deadline(30))
    assert fingerprint(connection, {})["row_counts"] == {"t": 1}


def test_a_database_without_tables_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "c.db") as game:
        game.execute("CREATE TABLE t (a)")
        game.execute("DROP TABLE t")
    game.close()
    with pytest.raises(RefusedError) as refused:
        begin(connect(bytes(tmp_path / "c.db"), Deadline(30), "?mode=ro"), Deadline(30))
    assert refused.value.reason == "empty"
