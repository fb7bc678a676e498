"""A difference is a fault unless somebody has written since the swap, and damage is one in any case."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.local.game import create
from tests.unit.sources.sqlite.server_side.test_swap import Recovery


@pytest.fixture(params=["in_place", "set_aside"])
def swapped(tmp_path: Path, request: pytest.FixtureRequest) -> Recovery:
    create(tmp_path / "backup.db", "wal")
    (tmp_path / "live").mkdir()
    recovery = Recovery(tmp_path, tmp_path / "backup.db")
    create(recovery.target, "wal", accounts=3)
    recovery.deliver()
    recovery.ask("swap", method=request.param)
    return recovery


def test_it_is_equal_and_untouched_after_the_swap(swapped: Recovery) -> None:
    for _ in range(2):
        found = swapped.ask("verify")
        assert (found["integrity"], found["written"]) == ("passed", False)
        assert found["fingerprint"] == found["expected"]
    assert not Path(f"{swapped.target}-wal").exists()


@pytest.mark.parametrize("is_running", [True, False])
def test_a_write_since_is_known(swapped: Recovery, is_running: bool) -> None:
    with closing(sqlite3.connect(swapped.target, isolation_level=None)) as game:
        game.execute("DELETE FROM accounts WHERE id = 1")
        if not is_running:
            game.close()
        found = swapped.ask("verify")
    assert (found["integrity"], found["written"]) == ("passed", True)
    assert found["fingerprint"] != found["expected"]


def test_damage_is_found(swapped: Recovery) -> None:
    content = swapped.target.read_bytes()
    for damaged in (content[:4096] + bytes(4096) + content[8192:], b"garbage", b""):
        swapped.target.write_bytes(damaged)
        assert swapped.ask("verify")["integrity"] == "failed"
    swapped.target.unlink()
    assert swapped.ask("verify")["integrity"] == "failed"
