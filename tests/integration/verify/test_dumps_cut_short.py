"""A verification of a dump that finds no room, or is killed, is no verdict and leaves neither server nor files behind."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from fleetsave.local.postgres_server import PostgresServer
from fleetsave.model.errors import VerificationError
from fleetsave.model.keys import RecordName
from fleetsave.verify import proof_of_dump
from tests.fixtures.stored_dumps import DumpRoom, TakenDump, take_dump


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TakenDump]:
    """A dump of a table that takes some 15 MB once it is restored."""
    with PostgresServer(tmp_path_factory.mktemp("postgresql"), major=18) as server:
        server.psql("CREATE TABLE t AS SELECT g, repeat(md5(g::text), 20) AS a FROM generate_series(1, 20000) AS g")
        yield take_dump(server, "postgres")


@pytest.fixture
def disk(passable_folder: Path) -> Iterator[Path]:
    """A disk that a server fits on, but not much more; mounting it needs root."""
    folder = passable_folder / "disk"
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=46m,mode=755", "fleetsave-test", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_too_little_room_is_told_before_anything_is_read(dump: TakenDump, disk: Path) -> None:
    room = DumpRoom(disk)
    key = room.put(dump)
    with pytest.raises(VerificationError, match="VerifyStorage") as caught:
        room.judge(key)
    assert not caught.value.retryable
    assert room.store.calls["read"] == 0
    assert room.left_over() == []


def test_a_disk_that_fills_up_within_the_restore_is_no_verdict(
    dump: TakenDump, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof_of_dump, "_CLUSTER_SIZE", 0)
    room = DumpRoom(disk)
    key = room.put(replace(dump, report=replace(dump.report, database_size=0)))
    with pytest.raises(VerificationError, match="No space left on device") as caught:
        room.judge(key)
    assert "VerifyStorage" in caught.value.hint
    assert not any(room.catalog.has(key, name) for name in (RecordName.REJECTED, RecordName.VERIFIED, RecordName.INCONCLUSIVE))
    assert room.left_over() == []


def test_a_killed_verification_leaves_no_server_and_the_next_one_sweeps_its_folder(dump: TakenDump, dump_room: DumpRoom) -> None:
    sound = dump_room.put(dump)
    slow = dump.with_text(
        dump.plain.replace(b"CREATE TABLE public.t", b"SELECT pg_catalog.pg_sleep(300);\nCREATE TABLE public.t")
    )
    other = DumpRoom(dump_room.scratch)
    key = other.put(slow)
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            other.judge(key)
        os._exit(0)
    try:
        assert _until(lambda: any("pg_sleep" in line or "SELECT" in line for line in _processes(dump_room.scratch)))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert _until(lambda: not _processes(dump_room.scratch))
    assert len(dump_room.left_over()) == 1
    assert dump_room.judge(sound).verdict is RecordName.VERIFIED
    assert dump_room.left_over() == []


def _until(happens: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happens():
            return True
        time.sleep(0.05)
    return False


def _processes(folder: Path) -> list[str]:
    """Return the titles of the processes whose folder is in `folder`."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                if (process / "cwd").resolve().is_relative_to(folder):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return found
