"""A copy arrives in pieces and counts only once every byte of it has been hashed."""

import os
from pathlib import Path

import pytest

from fleetsave.local.game import create
from tests.unit.sources.sqlite.server_side.test_swap import Recovery


@pytest.fixture
def recovery(tmp_path: Path) -> Recovery:
    create(tmp_path / "backup.db", "delete")
    (tmp_path / "live").mkdir()
    return Recovery(tmp_path, tmp_path / "backup.db")


def test_it_goes_on_where_it_ended(recovery: Recovery) -> None:
    assert recovery.ask("received") == {"received": 0}
    assert not recovery.place.exists()
    assert recovery.ask("receive", recovery.content[:5000]) == {"received": 5000}
    assert recovery.ask("received") == {"received": 5000}
    assert recovery.ask("receive", recovery.content[4000:], offset=4000) == {"received": len(recovery.content)}
    assert recovery.ask("check")["integrity"] == "passed"
    assert recovery.ask("received") == {"received": len(recovery.content)}
    assert recovery.ask("receive", b"anything") == {"received": len(recovery.content)}
    assert recovery.ask("check")["integrity"] == "passed"
    assert recovery.place.stat().st_mode & 0o777 == 0o700


def test_a_piece_too_far_on_is_refused(recovery: Recovery) -> None:
    assert "gap" in recovery.error("receive", b"x", offset=1)


def test_a_copy_that_is_not_the_backup_is_thrown_away(recovery: Recovery) -> None:
    for altered in (recovery.content[:-1], recovery.content[:-1] + b"x", b""):
        recovery.ask("receive", altered)
        assert "altered_copy" in recovery.error("check")
        assert recovery.ask("received") == {"received": 0}
    assert "altered_copy" in recovery.error("receive", recovery.content + b"x")


def test_a_damaged_backup_is_told_as_such_and_not_made_ready(recovery: Recovery) -> None:
    recovery.content = recovery.content[:4096] + bytes(4096) + recovery.content[8192:]
    recovery.ask("receive", recovery.content)
    assert recovery.ask("check")["integrity"] == "failed"
    assert "no_copy" in recovery.error("swap", method="place")


def test_a_backup_without_a_table_is_told_as_such(recovery: Recovery, tmp_path: Path) -> None:
    os.system(f"sqlite3 '{tmp_path}/none.db' 'PRAGMA user_version=1'")  # noqa: S605 - a path of our own
    recovery.content = (tmp_path / "none.db").read_bytes()
    recovery.ask("receive", recovery.content)
    assert "not one table" in recovery.ask("check")["detail"]


@pytest.mark.parametrize("trap", ["a link", "open to all", "a file", "of another"])
def test_a_folder_that_is_not_ours_alone_is_refused(recovery: Recovery, tmp_path: Path, trap: str) -> None:
    if trap == "a link":
        (tmp_path / "elsewhere").mkdir(0o700)
        recovery.place.symlink_to(tmp_path / "elsewhere")
    elif trap == "a file":
        recovery.place.touch()
    else:
        recovery.place.mkdir()
        recovery.place.chmod(0o755 if trap == "open to all" else 0o700)
        if trap == "of another":
            os.chown(recovery.place, 12345, 12345)
    for operation in ("survey", "receive", "check", "roll_back", "clean_up"):
        assert "unsafe_folder" in recovery.error(operation)


@pytest.mark.parametrize("name", ["", "../x.000001", "a.1", "server_001.000001/..", "A.000001"])
def test_an_id_that_could_lead_elsewhere_is_refused(recovery: Recovery, name: str) -> None:
    assert "bad_request" in recovery.error("received", recovery=name)
