"""Through the gate everything is captured as it is without one, by an account that cannot do anything else."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create
from fleetsave.model.archives import DatabasePart, TreePart
from fleetsave.model.fleet import SqliteDatabase
from fleetsave.sources.over_ssh import SshSource
from fleetsave.sources.sqlite import held, source
from fleetsave.sources.sqlite.remote_python import RemotePython
from tests.fixtures.archives import order_of, take_archive, unpacked_by_tar
from tests.fixtures.captures import Capturing
from tests.fixtures.game import running_game
from tests.fixtures.gated import GatedServer

MONEY = {"money": "SELECT sum(balance) FROM accounts"}


@pytest.fixture(scope="module", autouse=True)
def configured(gated: GatedServer) -> None:
    gated.configure(
        databases=[{"path": str(gated.game / "*.db"), "checks": MONEY}],
        folders=[{"path": str(gated.game / "world"), "exclude": ["**/secret*"]}, {"path": str(gated.game / "logs")}],
    )


@pytest.fixture
def capturing(gated: GatedServer, tmp_path: Path) -> Iterator[Capturing]:
    with closing(gated.transport()) as transport:
        yield Capturing(transport, gated.ssh, tmp_path)
    assert list(gated.staging.iterdir()) == []


@pytest.fixture
def opened(gated: GatedServer) -> Iterator[SshSource]:
    with closing(SshSource(gated.transport(), gated.server())) as ssh_source:
        yield ssh_source


def test_the_check_says_what_the_account_lacks_and_nothing_once_all_is_well(gated: GatedServer) -> None:
    folders = [gated.game / name for name in ("world", "logs")]
    folders[0].mkdir(mode=0o700)
    assert gated.check().splitlines() == [f"{folder} is not there, or this account may not read it" for folder in folders]
    folders[0].chmod(0o755)
    folders[1].mkdir()
    assert gated.check() == ""


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_a_live_database_is_captured_whole_with_its_checks(capturing: Capturing, gated: GatedServer, journal_mode: str) -> None:
    with running_game(gated.game / f"{journal_mode}.db", journal_mode=journal_mode) as game:
        acknowledged = game.acknowledged
        taken = capturing.take(game.path, gated.server(), checks=MONEY)
    assert check_game(taken.path, at_least=acknowledged) == []
    assert taken.report.method == "backup"
    assert taken.report.fingerprint is not None
    assert set(taken.report.fingerprint.checks) == {"money"}


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_without_room_there_a_held_transaction_is_streamed(
    capturing: Capturing, gated: GatedServer, tmp_path: Path, journal_mode: str
) -> None:
    path = gated.game / f"held-{journal_mode}.db"
    with running_game(path, journal_mode=journal_mode, rate=50) as game:
        python = RemotePython(capturing.transport, gated.server(), str(path))
        database = SqliteDatabase(path=str(path), lock_limit=timedelta(seconds=20))
        taken = held.capture(capturing.transport, python, database, str(path), tmp_path, because="no room")
        (tmp_path / "taken.db").write_bytes(b"".join(taken.read(0)))
        taken.release()
        assert check_game(tmp_path / "taken.db") == []
        acknowledged = game.acknowledged
        game.process.wait_until(lambda: game.acknowledged > acknowledged)


def test_a_hot_journal_is_rolled_back_in_our_copy_and_left_as_it_is_there(capturing: Capturing, gated: GatedServer) -> None:
    path = gated.game / "hot.db"
    create(path, "delete", world_megabytes=2)
    leave_hot_journal(path)
    before = [path.read_bytes(), path.with_name("hot.db-journal").read_bytes()]
    taken = capturing.take(path, gated.server())
    assert check_game(taken.path) == []
    assert taken.report.method == "recovered_hot_journal"
    assert [path.read_bytes(), path.with_name("hot.db-journal").read_bytes()] == before


def leave_hot_journal(path: Path) -> None:
    """Leave the files of a transaction in the middle, as a killed game would; both are for everybody to read."""
    with closing(sqlite3.connect(path, isolation_level=None)) as game:
        game.execute("PRAGMA cache_size=2")
        game.execute("BEGIN IMMEDIATE")
        game.execute("UPDATE accounts SET balance = balance + 1")
        game.execute("UPDATE world SET block = zeroblob(1000000)")
        torn = {file: file.read_bytes() for file in path.parent.glob(f"{path.name}*")}
        game.execute("ROLLBACK")
    for file, content in torn.items():
        file.write_bytes(content)


def test_a_pattern_is_expanded_and_a_frozen_snapshot_is_found_again_and_swept(gated: GatedServer, tmp_path: Path) -> None:
    create(gated.game / "one.db", "wal")
    with closing(gated.transport()) as transport:
        pattern = SqliteDatabase(path=str(gated.game / "*.db"))
        assert str(gated.game / "one.db") in source.expand(transport, pattern)
        server, path = gated.server(), str(gated.game / "one.db")
        taken = source.capture(transport, server, pattern, path, "snapshot-1", scratch=tmp_path)
        again = source.resume(transport, server, "snapshot-1")
        assert again is not None
        assert b"".join(again.read(5000)) == b"".join(taken.read(0))[5000:]
        assert source.sweep(transport, server, older_than=timedelta(hours=1)) == []
        os.utime(gated.staging / "snapshot-1.db", (0, 0))
        os.utime(gated.staging / "snapshot-1.json", (0, 0))
        assert source.sweep(transport, server, older_than=timedelta(hours=1)) == ["snapshot-1"]
        assert source.resume(transport, server, "snapshot-1") is None


def test_folders_and_a_whole_server_are_archived_without_what_the_gate_excludes(
    opened: SshSource, gated: GatedServer, tmp_path: Path
) -> None:
    for name in ("world/region", "logs"):
        (gated.game / name).mkdir(parents=True, exist_ok=True)
    (gated.game / "world" / "region" / "a").write_bytes(b"land")
    (gated.game / "world" / "region" / "secret.key").write_bytes(b"never")
    (gated.game / "world" / "out").symlink_to("/etc/passwd")
    (gated.game / "logs" / "today").write_bytes(b"all is well")
    create(gated.game / "whole.db", "wal")
    trees = [TreePart(f"files/{name}", str(gated.game / name)) for name in ("world", "logs")]
    database = DatabasePart("databases/whole.db", str(gated.game / "whole.db"), MONEY, 60, 30)
    taken = take_archive(opened, order_of(*trees, databases=(database,)), tmp_path / "archive.tar")
    unpacked = unpacked_by_tar(taken.path, tmp_path / "unpacked")
    assert (unpacked / "files" / "world" / "region" / "a").read_bytes() == b"land"
    assert (unpacked / "files" / "logs" / "today").read_bytes() == b"all is well"
    assert (unpacked / "files" / "world" / "out").is_symlink()
    assert check_game(unpacked / "databases" / "whole.db") == []
    assert not any("secret" in path for path in taken.entries)
    assert list(gated.staging.iterdir()) == []


def test_a_capture_that_is_given_up_is_ended_on_the_server(gated: GatedServer) -> None:
    path = gated.game / "given_up.db"
    create(path, "delete")
    with closing(gated.transport()) as transport:
        python = RemotePython(transport, gated.server(), str(path))
        process, _ = python.start("hold", path=str(path), deadline=60, lock_limit=60, checks=None)
        process.kill()
        gone = python.call("snapshot", name="after", path=str(path), deadline=20, lock_limit=20, checks=None)
        assert gone["size"] > 0
        python.call("drop", name="after")
