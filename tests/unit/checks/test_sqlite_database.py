"""A hostile database file can neither write, nor read other files, nor run code, nor take more time than it is given."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.checks.sqlite_database import is_lacking, open_restored
from fleetsave.model.errors import VerificationError
from tests.fixtures.stored_backups import make_database

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_database(tmp_path / "a b?#%25.db")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO players VALUES (-1, 'x', 0)",
        "DROP TABLE players",
        "CREATE TEMP TABLE t (a)",
        "ATTACH '/etc/passwd' AS other",
        "SELECT load_extension('/tmp/evil.so')",
        "PRAGMA trusted_schema=ON",
        "PRAGMA query_only=OFF",
        "PRAGMA journal_mode=WAL",
        "VACUUM INTO '/tmp/copy.db'",
        "BEGIN",
        "SELECT 1; SELECT 2",
        "SELECT 1 \0",
        "\ud800",
    ],
)
def test_nothing_but_reading_is_allowed(path: Path, sql: str) -> None:
    before = path.read_bytes()
    with open_restored(path, seconds=5) as database, pytest.raises(sqlite3.Error):
        database.query(sql, limit=1)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_in_wal_mode_is_read_without_sidecar_files(tmp_path: Path) -> None:
    path = make_database(tmp_path / "wal.db", script="PRAGMA journal_mode=WAL;")
    with open_restored(path, seconds=5) as database:
        assert database.query("SELECT count(*) FROM players", limit=1) == [(200,)]
    assert [file.name for file in tmp_path.iterdir()] == ["wal.db"]


def test_an_endless_statement_ends_at_the_deadline(path: Path) -> None:
    began = time.monotonic()
    with open_restored(path, seconds=0.3) as database, pytest.raises(VerificationError, match="longer than") as caught:
        database.query(ENDLESS, limit=1)
    assert time.monotonic() - began < 5
    assert not caught.value.retryable


def test_an_endless_statement_hidden_in_a_view_ends_too_and_nothing_is_asked_after_it(tmp_path: Path) -> None:
    path = make_database(tmp_path / "view.db", script=f"CREATE VIEW innocent AS {ENDLESS};")
    with open_restored(path, seconds=0.3) as database:
        for sql in ("SELECT * FROM innocent", "SELECT 1"):
            with pytest.raises(VerificationError):
                database.query(sql, limit=1)


def test_a_long_integrity_check_is_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "large.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (a, b)")
        connection.execute("CREATE INDEX i ON t (b, a)")
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)"
        connection.execute(f"INSERT INTO t {numbers} SELECT i, hex(i * 7919) FROM n")
        connection.commit()
    with open_restored(path, seconds=0.02) as database, pytest.raises(VerificationError, match="longer than"):
        database.query("PRAGMA integrity_check", limit=1)


def test_no_more_rows_are_fetched_than_asked_for(path: Path) -> None:
    with open_restored(path, seconds=5) as database:
        assert len(database.query("SELECT * FROM players", limit=3)) == 3


def test_text_that_is_no_utf_8_is_read_all_the_same(tmp_path: Path) -> None:
    path = make_database(tmp_path / "odd.db", script="INSERT INTO players VALUES (-1, CAST(x'ff41' AS TEXT), 0);")
    with open_restored(path, seconds=5) as database:
        assert database.query("SELECT name FROM players WHERE id = -1", limit=1) == [("\ufffdA",)]


def test_what_is_no_database_is_an_error_of_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    path.write_bytes(b"PK\x03\x04" * 1000)
    with pytest.raises(sqlite3.DatabaseError), open_restored(path, seconds=5) as database:
        database.query("PRAGMA integrity_check", limit=1)


@pytest.mark.parametrize(
    ("message", "lacking"),
    [("no such collation sequence: ICU", True), ("unknown function: f()", True), ("no such module: fts9", True),
     ("no such table: t", False), ("database disk image is malformed", False)],
)  # fmt: skip
def test_what_our_sqlite_lacks_is_told_from_damage(message: str, lacking: bool) -> None:
    assert is_lacking(sqlite3.OperationalError(message)) is lacking
