"""A ruined game: sound to SQLite, played on, and wrong."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create, last_payment
from fleetsave.local.mischief import damage
from tests.fixtures.game import running_game


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_game_that_is_being_written_is_ruined_and_plays_on(tmp_path: Path, journal_mode: str) -> None:
    path, ruined = tmp_path / "game.db", tmp_path / "ruined.db"
    with running_game(path, journal_mode=journal_mode, rate=200) as game:
        game.process.wait_until(lambda: game.acknowledged >= 20)
        before = game.acknowledged
        told = damage(path)
        game.process.wait_until(lambda: game.acknowledged >= before + 20)
        copy_inside_sqlite(path, ruined)
    assert told.startswith("the balances of all 200 accounts were set to 0, and ")
    assert "200 accounts hold 0, not 200000" in check_game(ruined)
    assert any(problem.startswith("the ledger goes from 0 to ") for problem in check_game(ruined))
    with closing(sqlite3.connect(ruined)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_half_of_the_ledger_goes_and_the_newest_payment_stays(tmp_path: Path) -> None:
    path = tmp_path / "game.db"
    with running_game(path) as game:
        game.process.wait_until(lambda: game.acknowledged >= 20)
    last = last_payment(path)
    assert damage(path).endswith(f"{last // 2} of {last} payments deleted from the ledger")
    assert last_payment(path) == last
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM ledger").fetchone() == (last - last // 2,)


def test_a_game_without_a_payment_is_ruined_too(tmp_path: Path) -> None:
    create(tmp_path / "new.db", "delete")
    assert damage(tmp_path / "new.db").endswith("0 of 0 payments deleted from the ledger")
    assert check_game(tmp_path / "new.db") != []


def test_no_database_is_made_where_none_is(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        damage(tmp_path / "nothing.db")
    assert list(tmp_path.iterdir()) == []


def test_another_programs_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE accounts (id, balance)")
        connection.execute("INSERT INTO accounts VALUES (1, 7)")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        damage(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM accounts").fetchall() == [(1, 7)]


def copy_inside_sqlite(source: Path, destination: Path) -> None:
    with closing(sqlite3.connect(source, timeout=30)) as here, closing(sqlite3.connect(destination, timeout=30)) as there:
        here.backup(there)
