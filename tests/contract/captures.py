"""What every way to a game server must do with a SQLite database. A subclass brings the `way` it goes."""

import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create
from fleetsave.model.errors import CaptureError
from fleetsave.model.fleet import SqliteDatabase
from fleetsave.sources.base import Capture, ServerSource
from tests.fixtures.game import running_game

DEADLINE = 3
"""Seconds that a capture may take by the fleet file, and by an agent's configuration."""


@dataclass(frozen=True)
class Way:
    """A server with a fresh `folder`: a database `main` at main.db, and `many` at many/*.db; none of them is there yet."""

    folder: Path
    source: ServerSource
    staging: Path
    scratch: Path

    @property
    def main(self) -> SqliteDatabase:
        return SqliteDatabase(name="main", path=str(self.folder / "main.db"), deadline=timedelta(seconds=DEADLINE))

    @property
    def many(self) -> SqliteDatabase:
        return SqliteDatabase(name="many", path=str(self.folder / "many" / "*.db"), deadline=timedelta(seconds=DEADLINE))

    def make(self, name: str = "main.db") -> Path:
        """Make a small database, closed by everybody."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE players (name TEXT)")
            connection.executemany("INSERT INTO players VALUES (?)", [(f"player {number}" * 50,) for number in range(300)])
            connection.commit()
        return path

    def capture(self, name: str = "snapshot-1", path: Path | None = None) -> Capture:
        database = self.main if path is None else self.many
        return self.source.capture(database, str(path or self.main.path), name, scratch=self.scratch)

    def refusal(self) -> CaptureError:
        with pytest.raises(CaptureError) as refused:
            self.capture()
        assert list(self.staging.glob("*.db")) == []
        return refused.value


def content(capture: Capture, offset: int = 0) -> bytes:
    return b"".join(capture.read(offset))


def text(path: Path) -> None:
    path.write_text("this is a diary " * 100)


UNFIT: dict[str, Callable[[Path], object]] = {
    "missing": lambda _: None,
    "not_a_file": Path.mkdir,
    "not_a_database": text,
    "empty": Path.touch,
}


class CaptureContract:
    """Capturing, reading, going on, removing."""

    def test_a_database_in_play_is_captured_consistently(self, way: Way, tmp_path: Path) -> None:
        with running_game(way.folder / "main.db") as game:
            game.process.wait_until(lambda: game.acknowledged > 20)
            capture = way.capture()
            taken = content(capture)
        assert (len(taken), hashlib.sha256(taken).hexdigest()) == (capture.report.size, capture.report.sha256)
        assert (capture.report.source_path, capture.report.journal_mode) == (way.main.path, "wal")
        (tmp_path / "taken.db").write_bytes(taken)
        assert check_game(tmp_path / "taken.db") == []
        capture.release()

    def test_it_can_be_read_from_any_byte_on(self, way: Way) -> None:
        way.make()
        capture = way.capture()
        whole = content(capture)
        for offset in (1, 4096, len(whole) // 2, len(whole) - 1, len(whole)):
            assert content(capture, offset) == whole[offset:]

    def test_chunks_are_never_larger_than_a_mebibyte(self, way: Way) -> None:
        way.make()
        assert all(0 < len(chunk) <= 1 << 20 for chunk in way.capture().read(0))

    def test_a_name_is_taken_once(self, way: Way) -> None:
        way.make()
        first = way.capture()
        with closing(sqlite3.connect(way.main.path)) as connection:
            connection.execute("DELETE FROM players")
            connection.commit()
        assert way.capture().report == first.report
        assert way.capture("snapshot-2").report.snapshot_id != first.report.snapshot_id

    def test_another_run_goes_on_with_it(self, way: Way) -> None:
        way.make()
        capture = way.capture()
        resumed = way.source.resume("snapshot-1")
        assert resumed is not None
        assert (resumed.report, resumed.resumable) == (capture.report, True)
        assert content(resumed, 5000) == content(capture)[5000:]

    def test_what_was_never_taken_or_was_released_cannot_be_gone_on_with(self, way: Way) -> None:
        way.make()
        assert way.source.resume("snapshot-1") is None
        capture = way.capture()
        capture.release()
        capture.release()
        assert way.source.resume("snapshot-1") is None
        assert list(way.staging.iterdir()) == []

    def test_old_snapshots_are_swept_and_young_ones_stay(self, way: Way) -> None:
        way.make()
        way.capture("snapshot-1")
        way.capture("snapshot-2")
        assert way.source.sweep(older_than=timedelta(hours=1)) == []
        assert way.source.sweep(older_than=timedelta(0)) == ["snapshot-1", "snapshot-2"]
        assert list(way.staging.iterdir()) == []

    def test_a_snapshot_that_was_taken_away_is_not_mistaken_for_another(self, way: Way) -> None:
        way.make()
        capture = way.capture()
        for file in way.staging.iterdir():
            file.unlink()
        with pytest.raises(CaptureError) as refused:
            content(capture, 4096)
        assert refused.value.reason in ("snapshot_gone", "changed")
        assert refused.value.retryable

    def test_a_pattern_is_every_file_it_matches_sorted(self, way: Way) -> None:
        paths = [way.make(f"many/{name}.db") for name in ("b", "a", "with space", "ünïcode", 'quo\'te "x"\n')]
        way.make("many/.hidden.db")
        (way.folder / "many" / "folder.db").mkdir()
        assert way.source.expand(way.many) == sorted(map(str, paths))
        for number, path in enumerate(paths):
            assert way.capture(f"snapshot-{number}", path).report.source_path == str(path)

    def test_a_pattern_that_matches_nothing_is_no_file(self, way: Way) -> None:
        assert way.source.expand(way.many) == []

    def test_a_name_that_no_record_can_hold_is_refused(self, way: Way) -> None:
        way.make("many/" + os.fsdecode(b"\xff.db"))
        with pytest.raises(CaptureError) as refused:
            way.source.expand(way.many)
        assert refused.value.reason == "unsupported_name"

    @pytest.mark.parametrize("reason", UNFIT)
    def test_what_cannot_be_captured_is_refused_by_name(self, way: Way, reason: str) -> None:
        UNFIT[reason](way.folder / "main.db")
        refused = way.refusal()
        assert (refused.reason, refused.target, refused.operation) == (reason, way.main.path, "capture")

    def test_a_database_that_is_held_locked_is_refused_and_may_be_free_later(self, way: Way) -> None:
        create(way.folder / "main.db", "delete")
        with closing(sqlite3.connect(way.main.path, isolation_level=None)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            refused = way.refusal()
        assert (refused.reason, refused.retryable) == ("locked", True)


class SftpAloneContract:
    """An account without commands: nothing is captured, and the reason is named."""

    def test_a_capture_is_refused_by_name(self, way: Way) -> None:
        way.make()
        with pytest.raises(CaptureError) as refused:
            way.capture()
        assert refused.value.reason == "sftp_only"

    def test_going_on_is_refused_by_name_and_there_is_nothing_to_sweep(self, way: Way) -> None:
        with pytest.raises(CaptureError) as refused:
            way.source.resume("snapshot-1")
        assert refused.value.reason == "sftp_only"
        assert way.source.sweep(older_than=timedelta(0)) == []
