"""A dump lies on our side whole and proven, or the error says what to enlarge."""

import hashlib
import os
from pathlib import Path

import pytest

from fleetsave.model.errors import RestoreError
from fleetsave.model.kinds import DumpFormat
from fleetsave.sources.postgres.spool import Spool

PLAIN = b"INSERT INTO t VALUES (1);\n" * 100_000


def chunks(plain: bytes) -> list[bytes]:
    return [plain[start : start + 70_000] for start in range(0, len(plain), 70_000)]


@pytest.mark.parametrize("dump_format", list(DumpFormat))
def test_what_was_taken_comes_out_again_as_often_as_it_is_asked_for(tmp_path: Path, dump_format: DumpFormat) -> None:
    spool = Spool(tmp_path, dump_format, "game")
    heard: list[int] = []
    spool.fill(iter(chunks(PLAIN)), heard.append)
    assert (spool.size, spool.sha256) == (len(PLAIN), hashlib.sha256(PLAIN).hexdigest())
    assert heard[-1] == len(PLAIN)
    assert b"".join(spool.chunks()) == b"".join(spool.chunks()) == PLAIN
    spool.close()
    spool.close()


def test_nothing_of_it_has_a_name_that_could_be_left_behind(tmp_path: Path) -> None:
    spool = Spool(tmp_path, DumpFormat.PLAIN, "game")
    spool.fill(iter([PLAIN]), lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_too_small_names_the_parameter(small_disk: Path) -> None:
    spool = Spool(small_disk, DumpFormat.CUSTOM, "game on localhost:5432")
    with pytest.raises(RestoreError) as refused:
        spool.fill(iter([os.urandom(1 << 20)] * 3), lambda _: None)
    assert (refused.value.reason, refused.value.retryable) == ("scratch_full", False)
    assert "RecoverStorage" in refused.value.hint
    spool.close()


def test_any_other_trouble_is_no_lack_of_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, DumpFormat.PLAIN, "game")

    def broken() -> object:
        yield b"x"
        raise ConnectionError("the store is gone")

    with pytest.raises(ConnectionError):
        spool.fill(broken(), lambda _: None)  # type: ignore[arg-type]  # an iterator all the same
    spool.close()
