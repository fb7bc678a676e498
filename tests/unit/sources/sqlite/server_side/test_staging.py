"""Snapshots lie in a folder that only we can write, whole or not at all."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fleetsave.sources.sqlite.server_side.ground import Deadline, RefusedError
from fleetsave.sources.sqlite.server_side.staging import Staging


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(str(tmp_path / "staging"), make=True)


def frozen(staging: Staging, name: str, *, size: int = 3, reported: int = 3) -> None:
    Path(os.fsdecode(staging.file(name, ".partial"))).write_bytes(bytes(size))
    staging.publish(name, {"size": reported})


def folder(staging: Staging) -> Path:
    return Path(os.fsdecode(staging.path))


def files(staging: Staging) -> list[str]:
    return sorted(file.name for file in folder(staging).iterdir())


def test_it_is_made_for_us_alone(staging: Staging) -> None:
    assert folder(staging).stat().st_mode & 0o777 == 0o700
    assert Staging(os.fsdecode(staging.path), make=True).exists


def test_only_one_process_at_a_time_freezes_into_it(staging: Staging) -> None:
    with staging.held(Deadline(5)), pytest.raises(RefusedError) as refused, staging.held(Deadline(0)):
        raise AssertionError("two at once")
    assert refused.value.reason == "busy"
    with staging.held(Deadline(0)):
        assert files(staging) == []


def test_the_one_who_waits_goes_on_when_the_other_is_killed(staging: Staging) -> None:
    script = "import fcntl, os, sys, time; fcntl.flock(os.open(sys.argv[1], 0), 2); print(flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", script, os.fsdecode(staging.path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    killer = threading.Timer(0.3, holder.kill)
    killer.start()
    with staging.held(Deadline(20)):
        assert holder.wait(5) == -signal.SIGKILL


def test_looking_for_a_snapshot_makes_no_folder(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path / "none"))
    assert staging.find("a") is None
    assert staging.sweep(0) == []
    staging.drop("a")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("trap", ["link", "open to all", "a file", "of another"])
def test_a_folder_that_others_could_write_is_refused(tmp_path: Path, trap: str) -> None:
    folder = tmp_path / "staging"
    if trap == "link":
        (tmp_path / "elsewhere").mkdir(0o700)
        folder.symlink_to("elsewhere")
    elif trap == "a file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o777 if trap == "open to all" else 0o700)
        if trap == "of another":
            os.chown(folder, 12345, 12345)
    with pytest.raises(RefusedError) as refused:
        Staging(str(folder), make=True)
    assert refused.value.reason == "unsafe_staging"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        Staging(str(tmp_path / "missing" / "staging"), make=True)
    assert refused.value.reason == "no_staging"


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "a.b", "a b", "ü", "a" * 201, "a\n"])
def test_a_name_that_could_lead_elsewhere_is_refused(staging: Staging, name: str) -> None:
    with pytest.raises(RefusedError):
        staging.file(name, ".db")


def test_a_published_snapshot_is_found(staging: Staging) -> None:
    frozen(staging, "a")
    assert staging.find("a") == {"size": 3}
    assert files(staging) == ["a.db", "a.json"]


def test_a_snapshot_that_is_not_whole_is_not_found(staging: Staging) -> None:
    frozen(staging, "short", size=2)
    frozen(staging, "unreadable")
    (folder(staging) / "unreadable.json").write_text("{")
    frozen(staging, "alone")
    (folder(staging) / "alone.json").unlink()
    assert [staging.find(name) for name in ("short", "unreadable", "alone")] == [None, None, None]


def test_only_old_snapshots_are_swept(staging: Staging) -> None:
    for name in ("new", "old", "half"):
        frozen(staging, name)
    (folder(staging) / "notes.txt.of-somebody").touch()
    (folder(staging) / "Else").touch()
    long_ago = time.time() - 1000
    for name in ("old.db", "old.json", "half.db", "Else"):
        os.utime(folder(staging) / name, (long_ago, long_ago))
    assert staging.sweep(500) == ["old"]
    assert staging.find("new")
    assert staging.find("half")
    assert "Else" in files(staging)


def test_too_little_room_is_told_before_anything_is_written(staging: Staging) -> None:
    staging.require_room(1)
    with pytest.raises(RefusedError, match="are needed") as refused:
        staging.require_room(1 << 60)
    assert refused.value.reason == "disk_full"
