"""A walk meets only what is really in its folder, whatever somebody does to the folder between two of its steps."""

import os
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fleetsave.model.manifests import Entry, read_entries
from fleetsave.sources.files.server_side.archive_writer import ArchiveWriter
from fleetsave.sources.files.server_side.tar_members import MemberMeta
from fleetsave.sources.files.server_side.tree import TreeCapture
from fleetsave.sources.files.server_side.tree_databases import DatabaseSnapshots
from fleetsave.sources.files.server_side.tree_entries import OwnerNames
from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError

SECRET = b"what lies outside"


class Walk:
    """One folder, archived here."""

    def __init__(self, root: Path, target: Path) -> None:
        self.root, self.target = root, target
        self.writer = ArchiveWriter("0" * 32)
        self.deadline = Deadline(60)

    def take(self, **part: Any) -> dict[str, Entry]:
        """Archive the folder and return its manifest; nothing from outside may be in it."""
        values = {"member": "files/game", "path": str(self.root), "include": ["**"], "exclude": [], **part}
        staging = str(self.target.with_name("staging"))
        snapshots = DatabaseSnapshots(staging, "archive-1", self.deadline)
        capture = TreeCapture(values, self.writer, snapshots, OwnerNames(), staging.encode(), self.deadline)
        with self.target.open("wb") as file:
            file.writelines(capture.pieces())
            self.writer.begin_manifest(MemberMeta(0o600, 0, 0, "", "", 0, {}))
            file.writelines(self.writer.rest())
            manifest = b"".join(self.writer.manifest())
            file.write(manifest)
            self.writer.end()
            file.writelines(self.writer.rest())
        assert SECRET not in self.target.read_bytes()
        with tarfile.open(self.target) as archive:
            assert len(archive.getmembers()) > 1
        return {entry.path: entry for entry in read_entries(manifest.splitlines(keepends=True), "a manifest")}


@pytest.fixture
def walk(tmp_path: Path) -> Walk:
    root, outside = tmp_path / "game", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (root / "folder" / "file").write_bytes(b"inside")
    (root / "file").write_bytes(b"inside")
    (outside / "file").write_bytes(SECRET)
    return Walk(root, tmp_path / "archive.tar")


@pytest.fixture
def right_before_opening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes, Callable[[], object]], None]]:
    """Let something happen after a thing was looked at, and before it is opened."""
    happenings: dict[bytes, Callable[[], object]] = {}
    real = os.open

    def opened(path: Any, flags: int, *args: Any, **values: Any) -> int:
        happenings.pop(path, lambda: None)()
        return real(path, flags, *args, **values)

    monkeypatch.setattr("fleetsave.sources.files.server_side.tree.os.open", opened)
    yield happenings.__setitem__
    assert happenings == {}


Happening = Callable[[bytes, Callable[[], object]], None]


def replace(path: Path, by: Callable[[Path], object]) -> Callable[[], object]:
    def replaced() -> None:
        path.rename(path.parent.with_name(f"was-{path.name}"))
        by(path)

    return replaced


@pytest.mark.parametrize("name", ["file", "folder"])
def test_a_link_that_takes_the_place_of_something_is_not_followed(walk: Walk, right_before_opening: Happening, name: str) -> None:
    outside = walk.root.with_name("outside") / ("file" if name == "file" else ".")
    right_before_opening(name.encode(), replace(walk.root / name, lambda path: path.symlink_to(outside)))
    assert walk.take()[f"files/game/{name}"].problem == "vanished"


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(walk: Walk, right_before_opening: Happening) -> None:
    right_before_opening(b"file", replace(walk.root / "file", os.mkfifo))
    assert walk.take()["files/game/file"].problem == "vanished"


def test_a_folder_that_is_moved_away_while_it_is_walked_is_walked_where_it_is(
    walk: Walk, right_before_opening: Happening
) -> None:
    right_before_opening(b"file", lambda: None)
    moved = walk.root.with_name("moved")

    def move() -> None:
        (walk.root / "folder").rename(moved)
        (walk.root / "folder").symlink_to(walk.root.with_name("outside"))

    (walk.root / "folder" / "a").write_bytes(b"inside")
    right_before_opening(b"a", move)
    assert walk.take()["files/game/folder/file"].size == len(b"inside")


def test_a_database_whose_folder_is_swapped_while_it_is_read_is_not_believed(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (walk.root / "folder" / "a.db", walk.root.with_name("outside") / "a.db"):
        with closing(sqlite3.connect(path)) as made:
            made.execute("CREATE TABLE t (x)")
            made.execute("INSERT INTO t VALUES (?)", (SECRET.decode() if "outside" in str(path) else "",))
            made.commit()
    real = DatabaseSnapshots.met

    def met(snapshots: DatabaseSnapshots, path: bytes, meta: MemberMeta) -> Any:
        (walk.root / "folder").rename(walk.root.with_name("moved"))
        (walk.root / "folder").symlink_to(walk.root.with_name("outside"))
        return real(snapshots, path, meta)

    monkeypatch.setattr(DatabaseSnapshots, "met", met)
    entry = walk.take()["files/game/folder/a.db"]
    assert (entry.problem, entry.detail) == ("unsafe_database", "something else took its place while it was read")


def test_a_folder_that_cannot_be_entered_for_want_of_descriptors_is_named(walk: Walk, right_before_opening: Happening) -> None:
    def fail() -> None:
        raise OSError(24, "Too many open files")

    right_before_opening(b"folder", fail)
    entry = walk.take()["files/game/folder"]
    assert (entry.problem, entry.detail) == ("unreadable", "Too many open files")


def test_no_descriptor_stays_open(walk: Walk) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    walk.take()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_walk_that_finds_nothing_for_long_ends_at_its_deadline(walk: Walk) -> None:
    walk.deadline = Deadline(0)
    with pytest.raises(RefusedError) as refused:
        walk.take(include=["nothing"])
    assert refused.value.reason == "deadline"
