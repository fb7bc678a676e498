"""Copies of a live database, each with a digest that matches, are refused by restoring them and by their fingerprint."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.model.keys import RecordName
from fleetsave.model.records import Level
from fleetsave.verify.room import verify
from tests.fixtures.game import RunningGame, running_game
from tests.fixtures.stored_backups import Room, judged, take_fingerprint

COPIES = 6
CHECKS = {"money": "SELECT sum(balance) FROM accounts", "newest": "SELECT max(sequence) FROM ledger"}


def copy_main_file(game: RunningGame, target: Path) -> None:
    shutil.copyfile(game.path, target)


def copy_with_wal(game: RunningGame, target: Path) -> None:
    """Copy both files, one after the other, and let SQLite recover the pair."""
    copy_main_file(game, target)
    shutil.copyfile(f"{game.path}-wal", f"{target}-wal")
    try:
        with closing(sqlite3.connect(target)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError:
        Path(f"{target}-wal").unlink(missing_ok=True)  # so torn that SQLite itself gives up; the main file is as bad


def wait_for_payments(game: RunningGame) -> None:
    """Wait until the writer has gone on; a file nobody writes to would be a good copy."""
    seen = game.acknowledged
    game.process.wait_until(lambda: game.acknowledged > seen)


@pytest.mark.parametrize(
    ("journal_mode", "copy"),
    [("wal", copy_main_file), ("wal", copy_with_wal), ("delete", copy_main_file)],
    ids=["wal, main file alone", "wal, both files", "rollback journal, main file"],
)
def test_no_copy_of_a_live_file_is_accepted(tmp_path: Path, journal_mode: str, copy: Callable[[RunningGame, Path], None]) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    levels = []
    with running_game(tmp_path / "game.db", journal_mode=journal_mode) as game:
        for number in range(COPIES):
            fingerprint = take_fingerprint(game.path, CHECKS)
            target = tmp_path / f"copy-{number}.db"
            wait_for_payments(game)
            copy(game, target)
            room = Room(scratch)
            outcome = judged(verify(room.put(target.read_bytes(), fingerprint), room.ports))
            assert outcome.verdict is RecordName.REJECTED
            levels.append(outcome.record.level)
    assert all(Level.CHECKSUM <= level < Level.EQUAL_TO_SOURCE for level in levels), "the digests of all of them match"


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_capture_inside_sqlite_of_the_same_game_is_verified_at_the_highest_level(tmp_path: Path, journal_mode: str) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    room = Room(scratch)
    target = tmp_path / "copy.db"
    with (
        running_game(tmp_path / "game.db", journal_mode=journal_mode) as game,
        closing(sqlite3.connect(game.path, timeout=30)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy, pages=-1)
    outcome = judged(verify(room.put_database(target, checks=CHECKS), room.ports))
    assert (outcome.verdict, outcome.record.level) == (RecordName.VERIFIED, Level.APPLICATION)
