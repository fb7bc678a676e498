"""What every way of archiving folders must do, however the server is reached; the account is nobody's, and not root."""

import os
import socket
import sqlite3
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fleetsave.model.archives import ArchiveOrder, DatabasePart, TreePart
from fleetsave.model.errors import CaptureError
from fleetsave.model.manifests import EntryType
from fleetsave.sources.base import ServerSource
from tests.fixtures.archives import TakenArchive, never, order_of, take_archive

NAMES = (
    b"plain",
    b"a new\nline",
    b"-rf",
    b"not utf-8 \xff",
    b"bidi \xe2\x80\xae",
    b" spaces ",
    b"quote '\"",
    b"back\\slash",
    b"l" * 255,
    b"*[a]?",
)
LARGE = 32 << 20
"""More than any way holds in its buffers: what comes after it is archived only once it was taken."""


@dataclass(frozen=True)
class ArchivePlace:
    """An opened source, and a folder of its server: `folder` as the test writes it, `path` as the server calls it.

    `sees_everything`: hard links, parts of a second and holes. `captures_databases`: through SQLite, on the server.
    """

    source: ServerSource
    folder: Path
    path: str
    target: Path
    sees_everything: bool = True
    captures_databases: bool = True

    def part(self) -> TreePart:
        return TreePart("files/game", self.path)

    def take(self, part: TreePart | None = None, meanwhile: Callable[[], None] | None = None) -> TakenArchive:
        return take_archive(self.source, order_of(part or self.part()), self.target, meanwhile=meanwhile)

    def refusal(self, order: ArchiveOrder, should_stop: Callable[[], bool] = never) -> CaptureError:
        with pytest.raises(CaptureError) as refused:
            take_archive(self.source, order, self.target, should_stop=should_stop)
        return refused.value


def write(path: Path, content: bytes = b"content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


class ArchiveContract(ABC):
    @pytest.fixture
    @abstractmethod
    def place(self) -> ArchivePlace:
        """Give an empty folder, and the server it is on."""

    def test_content_names_modes_and_times_are_those_of_the_folder(self, place: ArchivePlace) -> None:
        for number, name in enumerate(NAMES):
            path = write(place.folder / os.fsdecode(name), b"x" * number * 700)
            path.chmod((0o644, 0o755, 0o444, 0o4755)[number % 4])
            os.utime(path, ns=(0, 1_700_000_000_000_000_000 + number * 1_000_000_000))
        taken = place.take()
        assert list(taken.entries) == ["files/game", *(f"files/game/{os.fsdecode(name)}" for name in sorted(NAMES))]
        for name in NAMES:
            path = place.folder / os.fsdecode(name)
            entry = taken.entries[f"files/game/{os.fsdecode(name)}"]
            assert taken.content(entry.path) == path.read_bytes()
            assert entry.mode == stat.S_IMODE(path.stat().st_mode)
            assert entry.mtime_ns == path.stat().st_mtime_ns
            assert (entry.uid, entry.gid) == (path.stat().st_uid, path.stat().st_gid)

    def test_folders_come_before_what_is_in_them_and_empty_ones_come_too(self, place: ArchivePlace) -> None:
        write(place.folder / "b" / "c" / "d")
        (place.folder / "a" / "empty").mkdir(parents=True)
        assert place.take().present == [
            "files/game", "files/game/a", "files/game/a/empty", "files/game/b", "files/game/b/c", "files/game/b/c/d",
        ]  # fmt: skip

    def test_an_empty_folder_is_an_archive_of_itself(self, place: ArchivePlace) -> None:
        assert place.take().present == ["files/game"]

    def test_symbolic_links_are_kept_as_they_are_and_never_followed(self, place: ArchivePlace) -> None:
        targets = {"absolute": "/etc/passwd", "dangling": "nowhere", "folder": "..", "itself": "itself"}
        for name, target in targets.items():
            (place.folder / name).symlink_to(target)
        taken = place.take()
        assert {path.rpartition("/")[2]: entry.target for path, entry in taken.entries.items() if entry.target} == targets
        assert {entry.type for path, entry in taken.entries.items() if path != "files/game"} == {EntryType.SYMLINK}

    def test_a_file_under_two_names_has_its_content_under_both(self, place: ArchivePlace) -> None:
        write(place.folder / "first", b"one")
        (place.folder / "second").hardlink_to(place.folder / "first")
        taken = place.take()
        assert taken.content("files/game/second") == b"one"
        if place.sees_everything:
            assert taken.entries["files/game/second"].target == "files/game/first"

    def test_a_file_with_holes_has_its_whole_content(self, place: ArchivePlace) -> None:
        with (place.folder / "holes").open("wb") as file:
            file.seek(5 << 20)
            file.write(b"data")
            file.truncate(9 << 20)
        taken = place.take()
        assert taken.content("files/game/holes") == (place.folder / "holes").read_bytes()
        if place.sees_everything:
            assert taken.entries["files/game/holes"].sparse
            assert taken.report.size < 1 << 20

    def test_only_what_the_patterns_want_is_archived_with_the_folders_on_the_way(self, place: ArchivePlace) -> None:
        for name in ("world/region/r.mca", "world/region/r.tmp", "world/level.dat", "logs/a.log", "logs/b/.hidden.log", "x/y/z"):
            write(place.folder / name)
        part = replace(place.part(), include=["world", "**/*.log"], exclude=["**/*.tmp", "logs/a.*"])
        assert [path.removeprefix("files/game") for path in place.take(part).present] == [
            "", "/logs", "/logs/b", "/logs/b/.hidden.log", "/world", "/world/level.dat", "/world/region", "/world/region/r.mca",
        ]  # fmt: skip

    def test_a_file_over_the_limit_is_named_and_left_out(self, place: ArchivePlace) -> None:
        write(place.folder / "large", bytes(101))
        write(place.folder / "small", bytes(100))
        taken = place.take(replace(place.part(), maximum_file_size=100))
        assert taken.problems == {"files/game/large": "too_large"}
        assert taken.present == ["files/game", "files/game/small"]
        assert taken.report.is_partial

    def test_what_cannot_be_read_is_named_and_the_rest_is_archived(self, place: ArchivePlace) -> None:
        write(place.folder / "ours").chmod(0o600)
        write(place.folder / "folder" / "file").parent.chmod(0o700)
        write(place.folder / "other")
        taken = place.take()
        assert taken.problems == {"files/game/folder": "unreadable", "files/game/ours": "unreadable"}
        assert taken.present == ["files/game", "files/game/other"]
        assert taken.report.is_partial

    def test_a_folder_that_may_hide_what_is_wanted_is_named_too(self, place: ArchivePlace) -> None:
        write(place.folder / "folder" / "a.log").parent.chmod(0o700)
        assert place.take(replace(place.part(), include=["**/*.log"])).problems == {"files/game/folder": "unreadable"}

    def test_pipes_and_sockets_are_named(self, place: ArchivePlace) -> None:
        os.mkfifo(place.folder / "pipe")
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(place.folder / "socket"))
        taken = place.take()
        assert taken.problems == {"files/game/pipe": "special", "files/game/socket": "special"}
        assert not taken.report.is_partial

    def test_what_vanishes_meanwhile_is_named(self, place: ArchivePlace) -> None:
        write(place.folder / "a", bytes(LARGE))
        gone = write(place.folder / "z")
        taken = place.take(meanwhile=gone.unlink)
        assert taken.problems == {"files/game/z": "vanished"}
        assert not taken.report.is_partial

    def test_a_file_that_becomes_shorter_is_filled_up_and_named(self, place: ArchivePlace) -> None:
        path = write(place.folder / "a", b"a" * LARGE)
        taken = place.take(meanwhile=lambda: os.truncate(path, LARGE // 2))
        assert taken.problems == {"files/game/a": "shrunk"}
        content = taken.content("files/game/a")
        assert content[: LARGE // 2] == b"a" * (LARGE // 2)
        assert content[LARGE // 2 :].strip(b"\0a") == b""
        assert content.endswith(bytes(1 << 20))
        assert taken.report.is_partial

    def test_a_file_that_becomes_longer_is_archived_as_far_as_it_was_and_named(self, place: ArchivePlace) -> None:
        path = write(place.folder / "a", b"a" * LARGE)

        def append() -> None:
            with path.open("ab") as file:
                file.write(b"more")

        taken = place.take(meanwhile=append)
        assert taken.problems == {"files/game/a": "grew"}
        assert taken.content("files/game/a") == b"a" * LARGE
        assert not taken.report.is_partial

    def test_a_file_that_is_written_meanwhile_is_named(self, place: ArchivePlace) -> None:
        path = write(place.folder / "a", b"a" * LARGE)
        os.utime(path, (0, 1_600_000_000))

        def overwrite() -> None:
            with path.open("r+b") as file:
                file.seek(-10, os.SEEK_END)
                file.write(b"b")

        taken = place.take(meanwhile=overwrite)
        assert taken.problems == {"files/game/a": "changed"}
        assert taken.report.is_partial

    def test_a_database_is_never_archived_as_it_lies_there(self, place: ArchivePlace) -> None:
        path = place.folder / "game.db"
        with closing(sqlite3.connect(path)) as game:
            game.execute("PRAGMA journal_mode=WAL")
            game.execute("CREATE TABLE players (name)")
            game.commit()
            game.execute("INSERT INTO players VALUES ('ann')")
            game.commit()
            for file in place.folder.iterdir():
                file.chmod(0o666)
            taken = place.take()
        entry = taken.entries["files/game/game.db"]
        assert list(taken.entries) == ["files/game", "files/game/game.db"]
        if not place.captures_databases:
            assert (entry.type, entry.problem) == (EntryType.ABSENT, "unsafe_database")
            return
        assert entry.sqlite is not None
        assert entry.sqlite["fingerprint"]["row_counts"] == {"players": 1}
        assert entry.mode == 0o666
        copy = place.target.with_name("copy.db")
        copy.write_bytes(taken.content(entry.path))
        with closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)) as restored:
            assert restored.execute("SELECT name FROM players").fetchall() == [("ann",)]

    def test_what_lies_beside_a_database_stays_out_even_if_the_database_does(self, place: ArchivePlace) -> None:
        write(place.folder / "game.db", b"SQLite format 3\0" + bytes(84))
        for suffix in ("-wal", "-shm", "-journal"):
            write(place.folder / f"game.db{suffix}")
        write(place.folder / "no-wal")
        taken = place.take(replace(place.part(), exclude=["game.db"]))
        assert list(taken.entries) == ["files/game", "files/game/no-wal"]

    def test_a_journal_that_goes_meanwhile_is_not_missed(self, place: ArchivePlace) -> None:
        write(place.folder / "a", bytes(LARGE))
        write(place.folder / "game.db", b"SQLite format 3\0" + bytes(84))
        journal = write(place.folder / "game.db-journal")
        taken = place.take(replace(place.part(), exclude=["game.db"]), meanwhile=journal.unlink)
        assert list(taken.entries) == ["files/game", "files/game/a"]

    def test_a_database_that_cannot_be_captured_is_named_and_never_copied(self, place: ArchivePlace) -> None:
        write(place.folder / "damaged.db", b"SQLite format 3\0" + b"damage" * 1000)
        taken = place.take()
        assert taken.problems == {"files/game/damaged.db": "unsafe_database"}
        assert taken.present == ["files/game"]
        assert taken.report.is_partial

    def test_configured_databases_come_first_or_the_account_is_refused_by_name(self, place: ArchivePlace) -> None:
        with closing(sqlite3.connect(place.folder / "game.db")) as game:
            game.execute("CREATE TABLE players (name)")
            game.commit()
        database = DatabasePart("databases/game.db", f"{place.path}/game.db", {"rows": "SELECT 7"}, 30, 30)
        order = order_of(replace(place.part(), exclude=["game.db"]), databases=(database,))
        if not place.captures_databases:
            assert place.refusal(order).reason == "sftp_only"
            return
        taken = take_archive(place.source, order, place.target)
        assert list(taken.entries) == ["databases/game.db", "files/game"]
        sqlite = taken.entries["databases/game.db"].sqlite
        assert sqlite is not None
        assert sqlite["fingerprint"]["checks"] == {"rows": [7]}
        assert sqlite["source_path"] == f"{place.path}/game.db"

    def test_a_configured_database_that_cannot_be_captured_refuses_all(self, place: ArchivePlace) -> None:
        database = DatabasePart("databases/game.db", f"{place.path}/nowhere.db", {}, 30, 30)
        refused = place.refusal(order_of(place.part(), databases=(database,)))
        assert refused.reason == ("missing" if place.captures_databases else "sftp_only")

    @pytest.mark.parametrize(("name", "reason"), [("nowhere", "missing"), ("file", "not_a_folder"), ("closed", "no_permission")])
    def test_a_root_that_cannot_be_listed_refuses_all(self, place: ArchivePlace, name: str, reason: str) -> None:
        write(place.folder / "file")
        (place.folder / "closed").mkdir(mode=0o700)
        refused = place.refusal(order_of(place.part(), replace(place.part(), member="files/other", path=f"{place.path}/{name}")))
        assert (refused.reason, refused.retryable) == (reason, False)

    def test_it_stops_when_it_is_told_that_the_time_is_up(self, place: ArchivePlace) -> None:
        write(place.folder / "a", bytes(LARGE))
        answers = iter([False] * 8)
        refused = place.refusal(order_of(place.part()), should_stop=lambda: next(answers, True))
        assert (refused.reason, refused.retryable) == ("too_slow", False)

    def test_it_stops_when_its_deadline_has_passed(self, place: ArchivePlace) -> None:
        write(place.folder / "a")
        refused = place.refusal(order_of(place.part(), deadline=0))
        assert (refused.reason, refused.retryable) == ("deadline", True)

    def test_two_archives_have_two_ids(self, place: ArchivePlace) -> None:
        first = place.take().report.snapshot_id
        assert place.take().report.snapshot_id != first
