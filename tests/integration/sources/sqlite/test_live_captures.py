"""Databases are captured whole while a game writes them as fast as it can, over a real sshd, on every kind of server."""

import shutil
import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from fleetsave.local.game import check_game
from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.sources.sqlite import source
from tests.fixtures.captures import NO_PYTHON, Capturing
from tests.fixtures.game import RunningGame, running_game

CHECKS = {"money": "SELECT sum(balance) FROM accounts", "last": "SELECT sequence, amount FROM ledger ORDER BY 1 DESC"}
ROUNDS = 5


def interpreters() -> list[Path]:
    """Every Python 3 from 3.6 on that is found on this machine, one of each version."""
    found = {f"python3.{minor}": shutil.which(f"python3.{minor}") for minor in range(6, 20)}
    paths = {name: Path(path) for name, path in found.items() if path}
    for path in Path.home().glob(".pyenv/versions/3.*/bin/python3.*"):
        if path.name.removeprefix("python3.").isdigit():
            paths[path.name] = path
    return [paths[name] for name in sorted(paths) if int(name.removeprefix("python3.")) >= 6]


def take_and_check(capturing: Capturing, game: RunningGame, server: Server | None = None) -> str:
    acknowledged = game.acknowledged
    taken = capturing.take(game.path, server, checks=CHECKS)
    assert check_game(taken.path, at_least=acknowledged) == []
    fingerprint = taken.report.fingerprint
    assert fingerprint is not None
    assert fingerprint.checks["money"] == [200_000]
    assert fingerprint.checks["last"][0] == fingerprint.row_counts["ledger"] >= acknowledged
    assert taken.report.page_size * taken.report.page_count == taken.report.size
    is_wal = taken.report.journal_mode == "wal"
    assert (taken.report.writer_stall_seconds == 0) is is_wal
    return taken.report.method


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_by_the_servers_own_python(capturing: Capturing, tmp_path: Path, journal_mode: str) -> None:
    with running_game(tmp_path / "a game.db", journal_mode=journal_mode) as game:
        for _ in range(ROUNDS):
            assert take_and_check(capturing, game) == "backup"


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_by_the_sqlite3_program_alone(capturing: Capturing, tmp_path: Path, journal_mode: str) -> None:
    with running_game(tmp_path / "it's a game.db", journal_mode=journal_mode) as game:
        for _ in range(2):
            assert take_and_check(capturing, game, capturing.server(python=NO_PYTHON)) == "cli_vacuum_into"


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_by_a_held_transaction_where_the_server_has_no_room(
    capturing: Capturing, tmp_path: Path, small_disk: Path, journal_mode: str
) -> None:
    with running_game(tmp_path / "a game.db", journal_mode=journal_mode, world_megabytes=2) as game:
        for _ in range(ROUNDS if journal_mode == "wal" else 2):
            assert take_and_check(capturing, game, capturing.server(staging=str(small_disk))) == "held_transaction"
    assert list(small_disk.iterdir()) == []


def test_on_every_python_found(capturing: Capturing, tmp_path: Path) -> None:
    found = interpreters()
    assert found != []
    with running_game(tmp_path / "a.db") as wal, running_game(tmp_path / "b.db", journal_mode="delete", rate=50) as rollback:
        for python in found:
            has_backup = python.name != "python3.6"
            for game in (wal, rollback):
                method = take_and_check(capturing, game, capturing.server(python=str(python)))
                assert method == ("backup" if has_backup else "vacuum_into")


def test_on_every_python_found_with_a_held_transaction(capturing: Capturing, tmp_path: Path, small_disk: Path) -> None:
    with running_game(tmp_path / "a.db", world_megabytes=2) as game:
        for python in interpreters():
            server = capturing.server(python=str(python), staging=str(small_disk))
            assert take_and_check(capturing, game, server) == "held_transaction"


def test_a_wal_left_by_a_killed_game_is_captured_with_all_it_acknowledged(
    capturing: Capturing, tmp_path: Path, small_disk: Path
) -> None:
    with running_game(tmp_path / "a.db", world_megabytes=2) as game:
        game.process.wait_until(lambda: game.acknowledged > 50)
        acknowledged = game.acknowledged
        game.process.signal(signal.SIGKILL)
    assert (tmp_path / "a.db-wal").stat().st_size
    for server in (capturing.server(), capturing.server(python=NO_PYTHON), capturing.server(staging=str(small_disk))):
        taken = capturing.take(game.path, server)
        assert check_game(taken.path, at_least=acknowledged) == []


HOSTILE_NAMES = [
    "a space.db", "it's.db", 'say "hi".db', "$(touch x).db", "-rf.db", "a;b.db", "a?mode=rw.db", "a#b.db", "a%25b.db",
    "new\nline.db", "`touch x`.db", "データ.db", "back\\slash & * [a].db",
]  # fmt: skip


@pytest.mark.parametrize("python", [None, NO_PYTHON])
def test_every_file_name_is_taken_for_what_it_is(capturing: Capturing, tmp_path: Path, python: str | None) -> None:
    folder = tmp_path / "games"
    folder.mkdir()
    server = capturing.server(python=python)
    with running_game(tmp_path / "model.db") as game:
        game.process.wait_until(lambda: game.acknowledged > 5)
    # The program alone takes many commands each: two of the worst stand for all there.
    for name in HOSTILE_NAMES if python is None else HOSTILE_NAMES[1:10:8]:
        shutil.copy(game.path, folder / name)
        database = SqliteDatabase(path=str(folder / name))
        capture = source.capture(capturing.transport, server, database, str(folder / name), "hostile", scratch=tmp_path)
        (tmp_path / "taken.db").write_bytes(b"".join(capture.read(0)))
        capture.release()
        assert check_game(tmp_path / "taken.db") == []
        (folder / name).unlink()
    # Cleanly closed WAL databases may get their -wal and -shm back while they are read; nothing else may appear.
    assert {file.name.removesuffix("-wal").removesuffix("-shm") for file in folder.iterdir()} <= set(HOSTILE_NAMES)
    assert not Path("x").exists()


def test_a_glob_gives_every_file_its_own_artifact(capturing: Capturing, tmp_path: Path) -> None:
    for name in ("world_1.db", "World_1.db", ".hidden.db", "notes.txt"):
        (tmp_path / name).touch()
    database = SqliteDatabase(name="worlds", path=f"{tmp_path}/*.db")
    paths = source.expand(capturing.transport, database)
    assert paths == [f"{tmp_path}/World_1.db", f"{tmp_path}/world_1.db"]
    names = [source.artifact_name(database, path) for path in paths]
    assert names[1] == "worlds-world_1"
    assert len(set(names)) == 2
    assert source.expand(capturing.transport, SqliteDatabase(path="/nowhere/a.db")) == ["/nowhere/a.db"]


@pytest.mark.parametrize("python", [None, NO_PYTHON])
def test_a_later_run_goes_on_with_the_same_snapshot(capturing: Capturing, tmp_path: Path, python: str | None) -> None:
    server = capturing.server(python=python)
    with running_game(tmp_path / "a.db", world_megabytes=1) as game:
        database = SqliteDatabase(path=str(game.path))
        assert source.resume(capturing.transport, server, "slot") is None
        first = source.capture(capturing.transport, server, database, str(game.path), "slot", scratch=tmp_path)
        assert first.resumable
        content = b"".join(first.read(0))
        game.process.wait_until(lambda: game.acknowledged > check_point(first.report.fingerprint))
        again = source.capture(capturing.transport, server, database, str(game.path), "slot", scratch=tmp_path)
        assert again.report == first.report
        resumed = source.resume(capturing.transport, server, "slot")
        assert resumed is not None
        assert resumed.report == first.report
        assert b"".join(resumed.read(1_000_000)) == content[1_000_000:]
        resumed.release()
        assert source.resume(capturing.transport, server, "slot") is None


def check_point(fingerprint: object) -> int:
    counts: dict[str, int] = getattr(fingerprint, "row_counts", {})
    return counts["ledger"]


def test_what_one_way_froze_the_other_finds_and_removes(capturing: Capturing, tmp_path: Path) -> None:
    with running_game(tmp_path / "a.db") as game:
        database = SqliteDatabase(path=str(game.path))
        frozen = source.capture(
            capturing.transport, capturing.server(python=NO_PYTHON), database, str(game.path), "slot", scratch=tmp_path
        )
    resumed = source.resume(capturing.transport, capturing.server(), "slot")
    assert resumed is not None
    assert resumed.report == frozen.report
    frozen.release()
    assert source.resume(capturing.transport, capturing.server(), "slot") is None


@pytest.mark.parametrize("python", [None, NO_PYTHON])
def test_only_what_no_run_needs_any_more_is_swept(capturing: Capturing, tmp_path: Path, python: str | None) -> None:
    server = capturing.server(python=python)
    hour = timedelta(hours=1)
    assert source.sweep(capturing.transport, server, older_than=hour) == []
    with running_game(tmp_path / "a.db") as game:
        database = SqliteDatabase(path=str(game.path))
        for name in ("old", "new"):
            source.capture(capturing.transport, capturing.server(), database, str(game.path), name, scratch=tmp_path)
    subprocess.run(["touch", "-d", "2 hours ago", *capturing.staging.glob("old.*")], check=True)
    assert source.sweep(capturing.transport, server, older_than=hour) == ["old"]
    assert sorted(file.name for file in capturing.staging.iterdir()) == ["new.db", "new.json"]
    assert source.sweep(capturing.transport, capturing.server(), older_than=timedelta(0)) == ["new"]
