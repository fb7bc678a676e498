"""A held transaction keeps its view and its lock until it is told to end."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fleetsave.sources.sqlite import server_side


class Holder:
    """The script, holding a transaction in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        assert process.stdout
        self.reply: dict[str, Any] = json.loads(process.stdout.readline())

    def end(self) -> dict[str, Any]:
        last, _ = self.process.communicate(b"end\n", timeout=20)
        reply: dict[str, Any] = json.loads(last)
        return reply


@contextmanager
def holding(path: Path, *, script: bytes | None = None, **values: Any) -> Iterator[Holder]:
    request = {"operation": "hold", "path": str(path), "deadline": 30, "lock_limit": 30, "checks": {}, **values}
    text = script or server_side.script()
    process = subprocess.Popen([sys.executable, "-I", "-c", server_side.BOOTSTRAP], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    try:
        process.stdin.write(b"%d\n%s%s\n" % (len(text), text, json.dumps(request).encode()))
        process.stdin.flush()
        yield Holder(process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def database(path: Path, journal_mode: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal_mode}")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("CREATE TABLE t (a)")
        connection.execute("INSERT INTO t VALUES (1)")
        yield connection


def test_nobody_can_write_a_rollback_database_while_it_is_held(tmp_path: Path) -> None:
    with database(tmp_path / "a.db", "delete") as writer:
        with holding(tmp_path / "a.db") as holder:
            assert holder.reply["ok"]["sha256"]
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                writer.execute("INSERT INTO t VALUES (2)")
            assert holder.end()["ok"]["held_seconds"] > 0
        writer.execute("INSERT INTO t VALUES (2)")


def test_closing_the_file_once_would_lose_the_lock(tmp_path: Path) -> None:
    """The trap that the script avoids: this shows that the test above would see it."""
    trapped = server_side.script().replace(
        b"    size = os.fstat(main).st_size\n", b"    size = os.fstat(main).st_size\n    os.close(os.open(source.path, 0))\n"
    )
    assert trapped != server_side.script()
    with database(tmp_path / "a.db", "delete") as writer, holding(tmp_path / "a.db", script=trapped):
        writer.execute("INSERT INTO t VALUES (2)")


def test_a_wal_view_is_told_by_its_frames_which_a_checkpoint_leaves_alone(tmp_path: Path) -> None:
    with database(tmp_path / "a.db", "wal") as writer:
        seen = (tmp_path / "a.db-wal").stat().st_size
        with holding(tmp_path / "a.db") as holder:
            view = holder.reply["ok"]
            assert 32 + view["wal_frames"] * (24 + view["page_size"]) == seen
            kept = (tmp_path / "a.db-wal").read_bytes()[:seen]
            assert view["wal_salts"] == kept[16:24].hex()
            for number in range(50):
                writer.execute("INSERT INTO t VALUES (?)", (number,))
            writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
            writer.execute("INSERT INTO t VALUES (51)")
            assert (tmp_path / "a.db-wal").read_bytes()[:seen] == kept
            assert view["fingerprint"]["row_counts"] == {"t": 1}
            assert "ok" in holder.end()


def test_a_checkpointed_wal_that_is_begun_anew_shows_it_by_its_salts(tmp_path: Path) -> None:
    with database(tmp_path / "a.db", "wal") as writer:
        writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        with holding(tmp_path / "a.db") as holder:
            main = (tmp_path / "a.db").read_bytes()
            writer.execute("INSERT INTO t VALUES (2)")
            assert (tmp_path / "a.db-wal").read_bytes()[16:24].hex() != holder.reply["ok"]["wal_salts"]
            writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
            assert (tmp_path / "a.db").read_bytes() == main
            assert "ok" in holder.end()


@pytest.mark.parametrize(("limits", "reason"), [({"deadline": 2}, "deadline"), ({"lock_limit": 1}, "lock_limit")])
def test_it_lets_go_by_itself(tmp_path: Path, limits: dict[str, Any], reason: str) -> None:
    with database(tmp_path / "a.db", "delete") as writer, holding(tmp_path / "a.db", **limits) as holder:
        assert holder.process.stdout
        assert json.loads(holder.process.stdout.readline())["error"] == reason
        holder.process.wait(20)
        writer.execute("INSERT INTO t VALUES (2)")


def test_it_lets_go_when_our_side_goes_away(tmp_path: Path) -> None:
    with database(tmp_path / "a.db", "delete") as writer, holding(tmp_path / "a.db") as holder:
        last, _ = holder.process.communicate(timeout=20)
        assert json.loads(last)["error"] == "abandoned"
        writer.execute("INSERT INTO t VALUES (2)")


def test_a_wal_that_is_too_large_is_refused_at_once_or_while_it_grows(tmp_path: Path) -> None:
    tight = server_side.script().replace(b"LEAST_WAL_LIMIT = 256 << 20", b"LEAST_WAL_LIMIT = 100_000")
    with database(tmp_path / "a.db", "wal") as writer:
        with holding(tmp_path / "a.db", script=tight) as holder:
            assert "ok" in holder.reply
            writer.execute("INSERT INTO t VALUES (zeroblob(300000))")
            assert holder.process.stdout
            assert json.loads(holder.process.stdout.readline())["error"] == "wal_too_large"
        with holding(tmp_path / "a.db", script=tight) as holder:
            assert holder.reply["error"] == "wal_too_large"
