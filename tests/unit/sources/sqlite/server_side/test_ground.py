"""The source is looked at before SQLite opens it, and every failure has its reason."""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.sources.sqlite.server_side.ground import (
    NETWORK_FILE_SYSTEMS,
    Deadline,
    RefusedError,
    Source,
    explain,
    file_system,
)

MOUNTS = rb"""/dev/vda / ext4 rw 0 0
server:/a /srv/games nfs4 rw 0 0
//server/b /srv/games/local\040disk cifs rw 0 0
/dev/vdb /srv/games/fast ext4 rw 0 0
friend: /home/me/far fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind", "refused"),
    [
        (b"/var/a.db", "ext4", False),
        (b"/srv/games/a.db", "nfs4", True),
        (b"/srv/games/local disk/a.db", "cifs", True),
        (b"/srv/games/fast/a.db", "ext4", False),
        (b"/srv/gamesome/a.db", "ext4", False),
        (b"/home/me/far/a.db", "fuse.sshfs", True),
    ],
)
def test_network_file_systems_are_told_from_disks(path: bytes, kind: str, refused: bool) -> None:
    assert file_system(path, MOUNTS) == kind
    assert bool(NETWORK_FILE_SYSTEMS.fullmatch(kind)) is refused


def test_a_database_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "a.db")
    monkeypatch.setattr("fleetsave.sources.sqlite.server_side.ground.file_system", lambda *_: "nfs4")
    with pytest.raises(RefusedError, match="it lies on nfs4") as refused:
        Source(str(tmp_path / "a.db"))
    assert refused.value.reason == "network_file_system"


def make(path: Path, journal_mode: str = "delete") -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal_mode}")
        connection.execute("CREATE TABLE t (a)")
        connection.commit()


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"x", "not_a_database"), (b"SQLite format 4\0" + bytes(4080), "not_a_database")],
)
def test_files_that_are_no_database_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(RefusedError) as refused:
        Source(str(tmp_path / "a.db"))
    assert refused.value.reason == reason


def test_folders_and_pipes_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(RefusedError) as refused:
            Source(str(path))
        assert refused.value.reason == "not_a_file"


def test_the_journal_beside_the_real_file_counts_not_that_beside_a_link(tmp_path: Path) -> None:
    make(tmp_path / "real.db", "wal")
    (tmp_path / "link.db").symlink_to("real.db")
    (tmp_path / "real.db-wal").write_bytes(b"12345")
    source = Source(str(tmp_path / "link.db"))
    assert source.is_wal
    assert source.size_of(b"-wal") == 5
    assert source.size_of(b"-journal") is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (sqlite3.DatabaseError("file is not a database"), "not_a_database"),
        (sqlite3.DatabaseError("file is encrypted or is not a database"), "not_a_database"),
        (sqlite3.DatabaseError("database disk image is malformed"), "damaged"),
        (sqlite3.OperationalError("interrupted"), "deadline"),
        (sqlite3.OperationalError("database or disk is full"), "disk_full"),
        (sqlite3.OperationalError("database is locked"), "locked"),
        (sqlite3.OperationalError("unable to open database file"), "no_permission"),
        (sqlite3.OperationalError("disk I/O error"), "io_error"),
        (sqlite3.OperationalError("no such collation sequence: game"), "sqlite_error"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk_full"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "missing"),
        (PermissionError(errno.EACCES, "Permission denied"), "no_permission"),
        (OSError(errno.EIO, "Input/output error"), "io_error"),
    ],
)
def test_what_sqlite_and_the_system_say_has_a_reason(error: sqlite3.Error | OSError, reason: str) -> None:
    assert explain(error, None).reason == reason


def test_the_source_tells_one_cause_from_another(tmp_path: Path) -> None:
    make(tmp_path / "wal.db", "wal")
    make(tmp_path / "rollback.db")
    (tmp_path / "rollback.db-journal").write_bytes(b"x")
    wal, rollback = Source(str(tmp_path / "wal.db")), Source(str(tmp_path / "rollback.db"))
    read_only = sqlite3.OperationalError("attempt to write a readonly database")
    assert explain(read_only, wal).reason == "read_only_folder"
    assert explain(read_only, rollback).reason == "hot_journal"
    assert explain(sqlite3.OperationalError("database is locked"), wal).reason == "exclusive_lock"


def test_the_limit_that_passes_first_gives_the_reason() -> None:
    deadline = Deadline(100)
    deadline.narrow(200, "lock_limit")
    assert deadline.reason == "deadline"
    deadline.check()
    deadline.narrow(0, "lock_limit")
    with pytest.raises(RefusedError) as refused:
        deadline.check()
    assert refused.value.reason == "lock_limit"
    deadline.widen()
    deadline.check()
    assert deadline.reason == "deadline"
