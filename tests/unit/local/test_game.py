"""The game tells whole copies of its database from torn ones."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create, last_payment, read_status, status_path
from tests.fixtures.game import RunningGame, running_game


@pytest.fixture(scope="module", params=["wal", "delete"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("game") / "it's a game.db"
    with running_game(path, journal_mode=request.param) as game:
        game.process.wait_until(lambda: game.acknowledged >= 20)
    return path


@pytest.fixture
def copy(played: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(played, tmp_path / "copy.db"))


def test_a_database_at_rest_is_whole(copy: Path) -> None:
    assert check_game(copy) == []


def test_everything_acknowledged_is_there_after_the_end(played: Path) -> None:
    status = read_status(played)
    assert status is not None
    assert not status.running
    assert last_payment(played) == status.acknowledged >= 20


def test_a_second_run_goes_on_with_the_ledger(played: Path) -> None:
    before = last_payment(played)
    with running_game(played) as game:
        game.process.wait_until(lambda: game.acknowledged > before)
    assert check_game(played, at_least=before + 1) == []


def test_missing_payments_are_seen(copy: Path) -> None:
    last = last_payment(copy)
    assert check_game(copy, at_least=last + 2) == [f"payments {last + 1} to {last + 2} were acknowledged and are missing"]


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE accounts SET balance = balance + 1 WHERE id = 3", "accounts hold"),
        ("DELETE FROM ledger WHERE sequence = 7", "goes from 6 to 8"),
        ("UPDATE ledger SET amount = amount + 1 WHERE sequence = 9", "payment 9 does not follow"),
        ("DELETE FROM ledger WHERE sequence = (SELECT max(sequence) FROM ledger WHERE amount > 0)", ""),
        ("DELETE FROM accounts", "accounts"),
        ("DROP TABLE ledger", "no such table"),
    ],
)
def test_damage_that_sqlite_accepts_is_seen(copy: Path, damage: str, problem: str) -> None:
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute(damage)
    assert problem in check_game(copy)[0]


def test_a_torn_file_is_seen(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[4096 : 4096 + 200] = bytes(200)
    copy.write_bytes(content)
    assert check_game(copy) != []


def test_the_world_gives_the_database_its_size(tmp_path: Path) -> None:
    create(tmp_path / "big.db", "delete", world_megabytes=3)
    assert (tmp_path / "big.db").stat().st_size > 3 << 20
    assert check_game(tmp_path / "big.db") == []


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_the_game_plays_on_over_an_older_state_that_is_restored_under_it(tmp_path: Path, journal_mode: str) -> None:
    live, older, newer = tmp_path / "game.db", tmp_path / "older.db", tmp_path / "newer.db"
    with running_game(live, journal_mode=journal_mode, rate=200) as game:
        game.process.wait_until(lambda: game.acknowledged >= 20)
        copy_inside_sqlite(live, older)
        restored_to = last_payment(older)
        game.process.wait_until(lambda: game.acknowledged >= restored_to + 50)
        copy_inside_sqlite(older, live)
        has_gone_on(game)
        copy_inside_sqlite(live, newer)
    assert last_payment(newer) > restored_to
    assert check_game(newer, at_least=restored_to) == []


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM accounts WHERE id % 2",
        "DELETE FROM accounts WHERE id > 0",
        "DELETE FROM accounts",
        "DELETE FROM ledger",
        "UPDATE accounts SET balance = -5",
    ],
)
def test_the_game_plays_on_whatever_rows_it_loses(tmp_path: Path, loss: str) -> None:
    path = tmp_path / "game.db"
    with running_game(path, rate=200) as game:
        with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
            connection.execute(loss)
        has_gone_on(game)
        assert game.process.is_running


def copy_inside_sqlite(source: Path, destination: Path) -> None:
    with closing(sqlite3.connect(source, timeout=30)) as here, closing(sqlite3.connect(destination, timeout=30)) as there:
        here.backup(there)


def has_gone_on(game: RunningGame) -> None:
    """Wait until the game has reported twice: what it did before the first report may be older than this call."""
    seen = {status_path(game.path).stat().st_mtime_ns}

    def has_reported_twice() -> bool:
        seen.add(status_path(game.path).stat().st_mtime_ns)
        return len(seen) > 2

    game.process.wait_until(has_reported_twice)
