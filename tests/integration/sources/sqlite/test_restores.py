"""Whatever stands at the target, a restore over sshd ends with the backup there, and can be taken back."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create, last_payment
from fleetsave.model.records import Outcome
from fleetsave.model.recovery_records import SwapMethod, TargetState
from fleetsave.sources.sqlite.restorer import SqliteRestorer
from tests.fixtures.restores import Backup, Restoring, content_of, deliver, left_beside, refusal

WELL = {Outcome.PASSED}


@pytest.fixture
def live(tmp_path: Path) -> Path:
    (tmp_path / "live").mkdir()
    return tmp_path / "live" / "a game.db"


def outcomes(restorer: SqliteRestorer) -> set[Outcome]:
    return {finding.outcome for finding in restorer.verify()}


def as_it_lies(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def damaged(live: Path, how: str) -> TargetState:
    """Make a target that the swap through SQLite is not for."""
    create(live, "delete", world_megabytes=1)
    content = live.read_bytes()
    states = {
        "zero-length": (b"", TargetState.EMPTY),
        "garbage": (os.urandom(50_000), TargetState.FOREIGN),
        "truncated": (content[:10_000], TargetState.DAMAGED),
        "a spoilt first page": (content[:100] + os.urandom(3996) + content[4096:], TargetState.DAMAGED),
    }
    live.write_bytes(states[how][0])
    return states[how][1]


@pytest.mark.parametrize("how", ["zero-length", "garbage", "truncated", "a spoilt first page"])
def test_a_target_that_is_no_database_is_set_aside_and_kept(restoring: Restoring, backup: Backup, live: Path, how: str) -> None:
    state = damaged(live, how)
    os.chown(live, 12345, 23456)
    live.chmod(0o640)
    if state in (TargetState.FOREIGN, TargetState.EMPTY):
        Path(f"{live}-wal").write_bytes(b"stale")
    before = as_it_lies(live.parent)
    restorer = restoring.restorer(backup, live)
    assert restorer.survey().target_state is state
    assert as_it_lies(live.parent) == before
    deliver(restorer, backup)
    report = restorer.swap(SwapMethod.SET_ASIDE)
    assert restorer.swap(SwapMethod.SET_ASIDE) == report
    assert as_it_lies(live.parent) == {live.name: backup.content}
    assert (live.stat().st_uid, live.stat().st_gid, live.stat().st_mode & 0o777) == (12345, 23456, 0o640)
    assert outcomes(restorer) == WELL
    assert report.kept
    restorer.clean_up()
    assert as_it_lies(Path(report.kept)) == before
    assert check_game(live) == []


def test_a_set_that_was_set_aside_comes_back(restoring: Restoring, backup: Backup, live: Path) -> None:
    damaged(live, "garbage")
    before = as_it_lies(live.parent)
    restorer = restoring.delivered(backup, live)
    restorer.swap(SwapMethod.SET_ASIDE)
    assert check_game(live) == []
    assert "stands there again" in restorer.roll_back()
    restorer.clean_up()
    assert as_it_lies(live.parent) == before
    assert left_beside(live) == []


@pytest.mark.parametrize("is_new", [True, False])
def test_a_missing_target_is_made_as_the_folders_owner_has_it(
    restoring: Restoring, backup: Backup, live: Path, is_new: bool
) -> None:
    os.chown(live.parent, 12345, 23456)
    restorer = restoring.restorer(backup, live, folders=[live.parent] if is_new else None)
    assert restorer.survey().target_state is TargetState.MISSING
    assert list(live.parent.iterdir()) == []
    deliver(restorer, backup)
    restorer.swap(SwapMethod.PLACE)
    assert outcomes(restorer) == WELL
    restorer.clean_up()
    assert (live.stat().st_uid, live.stat().st_gid, live.stat().st_mode & 0o707) == (12345, 23456, 0o600)
    assert as_it_lies(live.parent) == {live.name: backup.content}
    assert left_beside(live) == []


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
@pytest.mark.parametrize("how", ["healthy", "zeroed pages", "larger", "other page size"])
def test_a_database_is_restored_through_sqlite_and_keeps_its_journal_mode(
    restoring: Restoring, backup: Backup, live: Path, journal_mode: str, how: str
) -> None:
    with closing(sqlite3.connect(live)) as connection:
        connection.execute(f"PRAGMA page_size={1024 if how == 'other page size' else 4096}")
        connection.execute("VACUUM")
    create(live, journal_mode, world_megabytes=3 if how == "larger" else 1)
    if how == "zeroed pages":
        content = live.read_bytes()
        live.write_bytes(content[:8192] + bytes(8192) + content[16384:])
    live.chmod(0o644)
    before = as_it_lies(live.parent)
    restorer = restoring.restorer(backup, live)
    found = restorer.survey()
    assert as_it_lies(live.parent) == before
    assert (found.target_state, found.journal_mode) == (TargetState.HEALTHY, "wal" if journal_mode == "wal" else "rollback")
    assert found.page_size == (1024 if how == "other page size" else 4096)
    assert found.open_by == []
    deliver(restorer, backup)
    method, keep_aside = SwapMethod.IN_PLACE, True
    if (how, journal_mode) == ("other page size", "wal"):
        assert refusal(restorer, method).reason == "page_size_differs"
        assert as_it_lies(live.parent) == before
        method, keep_aside = SwapMethod.SET_ASIDE, False
    report = restorer.swap(method, keep_aside=keep_aside)
    assert (report.moved_on, report.kept) == (False, None)
    assert outcomes(restorer) == WELL
    assert check_game(live, at_least=last_payment(backup.path)) == []
    with closing(sqlite3.connect(live)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == (journal_mode,)
    assert live.stat().st_mode & 0o777 == 0o644
    restorer.clean_up()
    assert left_beside(live) == []


def test_what_a_hot_journal_would_take_back_is_not_in_the_way(restoring: Restoring, backup: Backup, live: Path) -> None:
    hot = live.with_name("hot.db")
    create(hot, "delete", world_megabytes=1)
    with closing(sqlite3.connect(hot, isolation_level=None)) as game:
        game.execute("PRAGMA cache_size=2")
        game.execute("BEGIN IMMEDIATE")
        game.execute("UPDATE accounts SET balance = 0")
        game.execute("UPDATE world SET block = zeroblob(1000000)")
        shutil.copy(hot, live)
        shutil.copy(f"{hot}-journal", f"{live}-journal")
        game.execute("ROLLBACK")
    hot.unlink()
    before = as_it_lies(live.parent)
    restorer = restoring.restorer(backup, live)
    found = restorer.survey()
    assert found.target_state is TargetState.HEALTHY
    assert "died while it wrote" in found.notes[0]
    assert as_it_lies(live.parent) == before
    deliver(restorer, backup)
    restorer.swap(SwapMethod.IN_PLACE)
    assert outcomes(restorer) == WELL
    restorer.roll_back()
    assert check_game(live) == []
    assert last_payment(live) == 0
    restorer.clean_up()
    assert left_beside(live) == []


NAMES = ['-rf o\'brien "hi" $(touch x) `id`;.db', "two\nlines 100%25?# Spiel ☃ ü.db"]


@pytest.mark.parametrize("name", NAMES)
def test_every_file_name_is_restored_to(restoring: Restoring, backup: Backup, live: Path, name: str) -> None:
    target = live.with_name(name)
    create(target, "wal")
    content = content_of(target)
    restorer = restoring.restorer(backup, target)
    restorer.survey()
    deliver(restorer, backup)
    restorer.swap(SwapMethod.IN_PLACE)
    assert outcomes(restorer) == WELL
    assert check_game(target, at_least=last_payment(backup.path)) == []
    restorer.roll_back()
    assert content_of(target) == content
    restorer.clean_up()
    assert [file.name for file in live.parent.iterdir()] == [name]


def test_a_link_is_followed_to_the_database_it_means(restoring: Restoring, backup: Backup, live: Path, tmp_path: Path) -> None:
    (tmp_path / "disk 2").mkdir()
    real = tmp_path / "disk 2" / "real.db"
    create(real, "wal")
    live.symlink_to(real)
    restorer = restoring.delivered(backup, live)
    assert left_beside(real) != []
    restorer.swap(SwapMethod.SET_ASIDE, keep_aside=False)
    restorer.clean_up()
    assert live.is_symlink()
    assert real.read_bytes() == backup.content
    assert left_beside(real) == []


def test_an_upload_goes_over_as_many_connections_as_it_takes(restoring: Restoring, backup: Backup, live: Path) -> None:
    restorer = restoring.restorer(backup, live, leg_bytes=30_000)
    told: list[int] = []
    restorer.receive(0, backup.chunks(), told.append)
    assert told[-1] == restorer.received() == len(backup.content)
    assert restorer.check().sha256


def test_an_upload_that_is_cut_off_goes_on(restoring: Restoring, backup: Backup, live: Path) -> None:
    restorer = restoring.restorer(backup, live)

    def chunks() -> Iterator[bytes]:
        yield backup.content[:5000]
        yield backup.content[5000:6000]
        raise OSError("the store went away")

    with pytest.raises(OSError, match="went away"):
        restorer.receive(0, chunks(), lambda _: None)
    assert 0 <= restorer.received() <= 6000
    restorer.receive(0, iter([backup.content[:5000]]), lambda _: None)
    assert restorer.received() == 5000
    deliver(restorer, backup)
    restorer.clean_up()
    assert left_beside(live) == []
