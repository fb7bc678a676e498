"""Whatever an archive holds and however it was made, verifying it ends, writes nowhere else, and is not fooled."""

import os
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fleetsave.model.keys import RecordName
from fleetsave.model.records import Level
from tests.fixtures.hostile.altering import Hostile
from tests.fixtures.hostile.every import ALL
from tests.fixtures.stored_archives import ArchiveRoom, against

_MEMORY = 24 << 20
"""Bytes that verifying may hold: some chunks of 1 MiB, a window of zstd, one line and one extended header."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = {"os.mkdir", "os.link", "os.symlink", "os.rename", "os.truncate", "os.chmod", "os.chown", "os.setxattr", "os.mkfifo"}


class _Touched:
    """Every path this process has written to or made while it was watched; the interpreter cannot be told to stop telling."""

    def __init__(self) -> None:
        self.paths: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.paths is None:
            return
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            self.paths.append(os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "")
        elif event in _CHANGES:
            self.paths.append(os.fsdecode(arguments[0]))


@pytest.fixture(scope="module")
def touched() -> _Touched:
    return _Touched()


@contextmanager
def watched(touched: _Touched) -> Iterator[list[str]]:
    paths: list[str] = []
    touched.paths = paths
    tracemalloc.start()
    try:
        yield paths
    finally:
        tracemalloc.stop()
        touched.paths = None


@pytest.mark.parametrize("hostile", ALL.values(), ids=ALL.keys())
def test_a_hostile_archive_is_rejected_with_what_where_and_why(tmp_path: Path, touched: _Touched, hostile: Hostile) -> None:
    room = ArchiveRoom(tmp_path)
    taken = hostile.make()
    key = room.put_archive(taken, beside=hostile.beside(taken) if hostile.beside else None)
    with watched(touched) as paths:
        outcome = room.judge(key)
        peak = tracemalloc.get_traced_memory()[1]
    assert outcome.verdict is RecordName.REJECTED
    finding = against(outcome)[hostile.check]
    assert hostile.says in finding.detail
    assert outcome.record.level < Level.EQUAL_TO_SOURCE
    assert "checksum" not in against(outcome), "it is the archive that is wrong, not what was made of it since"
    assert all(Path(path).is_relative_to(tmp_path) for path in paths)
    assert room.left_over() == []
    assert peak < _MEMORY


def test_there_are_more_than_a_hundred_of_them() -> None:
    assert len(ALL) > 100
