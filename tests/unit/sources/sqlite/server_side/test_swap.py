"""A swap cut off at any call of the system is finished by the next, or taken back; nothing that was there is ever lost."""

import hashlib
import io
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fleetsave.local.game import check_game, create
from fleetsave.sources.sqlite.server_side.ground import Request
from fleetsave.sources.sqlite.server_side.main import answer

CALLS = ("rename", "link", "unlink", "mkdir", "fsync", "ftruncate")


class CutOff(BaseException):
    """The process is gone: nothing handles this."""


class Recovery:
    """One recovery of `backup` into `target`, asked of the script's own functions."""

    def __init__(self, folder: Path, backup: Path, *, new_in: Path | None = None, target: Path | None = None) -> None:
        self.target = target or folder / "live" / "a.db"
        self.content = backup.read_bytes()
        self.new_in = new_in

    def ask(self, operation: str, stdin: bytes = b"", **values: Any) -> Any:
        """Return the reply's content. Raise AssertionError with the reason for an error."""
        request = {
            "operation": f"restore_{operation}",
            "path": str(self.target),
            "recovery": "server_001.000001",
            "deadline": 10,
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "size": len(self.content),
            "checks": {},
            "new_in": [str(self.new_in)] if self.new_in else None,
        }
        reply = answer(Request({**request, **values}), io.BytesIO(stdin), io.BytesIO())
        assert "ok" in reply, reply
        return reply["ok"]

    def error(self, operation: str, stdin: bytes = b"", **values: Any) -> str:
        with pytest.raises(AssertionError) as refused:
            self.ask(operation, stdin, **values)
        return str(refused.value)

    def deliver(self) -> None:
        received = self.ask("received")["received"]
        self.ask("receive", self.content[received:], offset=received)
        assert self.ask("check")["integrity"] == "passed"

    @property
    def place(self) -> Path:
        return self.target.parent / ".fleetsave-server_001.000001"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    create(tmp_path / "backup.db", "delete", accounts=30)
    with closing(sqlite3.connect(tmp_path / "backup.db")) as connection:
        connection.execute("VACUUM")
    return tmp_path / "backup.db"


@pytest.fixture
def recovery(tmp_path: Path, backup: Path) -> Recovery:
    (tmp_path / "live").mkdir()
    return Recovery(tmp_path, backup)


def cut_at(call: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the `call`th call of the system that changes something be the last thing that happens; return those that came."""
    seen: list[str] = []

    def watched(name: str, done: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any, **keywords: Any) -> Any:
            seen.append(name)
            if len(seen) == call:
                with suppress(OSError):
                    if call % 2:
                        done(*arguments, **keywords)
                raise CutOff
            return done(*arguments, **keywords)

        return act

    for name in CALLS:
        monkeypatch.setattr(os, name, watched(name, getattr(os, name)))
    return seen


def until_it_ends(step: Callable[[], object], monkeypatch: pytest.MonkeyPatch, call: int) -> bool:
    """Run a step that is cut off at a call; tell whether it came so far."""
    with monkeypatch.context() as patched:
        cut_at(call, patched)
        try:
            step()
        except CutOff:
            return True
    return False


def old_set(recovery: Recovery) -> dict[str, bytes]:
    """A damaged database with all its sidecar files."""
    files = {"a.db": b"damaged" * 1000, "a.db-wal": b"wal", "a.db-shm": b"shm", "a.db-journal": b"journal"}
    for name, content in files.items():
        (recovery.target.parent / name).write_bytes(content)
    return files


def seen_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def test_a_set_aside_cut_off_anywhere_is_finished_by_the_next(
    tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = cuts = 0
    while cuts == call:
        call += 1
        folder = tmp_path / f"run {call}"
        (folder / "live").mkdir(parents=True)
        recovery = Recovery(folder, backup)
        old = old_set(recovery)
        recovery.deliver()
        cuts += until_it_ends(partial(recovery.ask, "swap", method="set_aside"), monkeypatch, call)
        report = recovery.ask("swap", method="set_aside")
        assert seen_in(recovery.target.parent) == {"a.db": backup.read_bytes()}
        assert seen_in(Path(report["kept"])) == old
        assert recovery.ask("verify")["written"] is False
    assert cuts > 15


@pytest.mark.parametrize("finished", [True, False])
def test_a_set_aside_cut_off_anywhere_is_taken_back_whole(
    tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch, finished: bool
) -> None:
    """Cut off within the swap and then taken back, or swapped and then cut off within the way back."""
    call = cuts = 0
    while cuts == call:
        call += 1
        folder = tmp_path / f"run {call}"
        (folder / "live").mkdir(parents=True)
        recovery = Recovery(folder, backup)
        old = old_set(recovery)
        recovery.deliver()

        swap = partial(recovery.ask, "swap", method="set_aside")
        if finished:
            swap()
        cuts += until_it_ends(partial(recovery.ask, "roll_back") if finished else swap, monkeypatch, call)
        recovery.ask("roll_back")
        recovery.ask("roll_back")
        assert seen_in(recovery.target.parent) == old
        recovery.ask("clean_up")
        assert sorted(file.name for file in recovery.target.parent.iterdir()) == sorted(old)
    assert cuts > 10


def test_an_in_place_swap_cut_off_anywhere_leaves_old_or_new_and_what_was_before(
    tmp_path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = cuts = 0
    while cuts == call:
        call += 1
        folder = tmp_path / f"run {call}"
        (folder / "live").mkdir(parents=True)
        recovery = Recovery(folder, backup)
        create(recovery.target, "wal", accounts=20)
        recovery.deliver()
        cuts += until_it_ends(partial(recovery.ask, "swap", method="in_place"), monkeypatch, call)
        assert check_game(recovery.target) == []
        assert accounts(recovery.target) in (20, 30)
        recovery.ask("swap", method="in_place")
        assert accounts(recovery.target) == 30
        recovery.ask("roll_back")
        assert accounts(recovery.target) == 20
        recovery.ask("clean_up")
        assert [file.name for file in recovery.target.parent.iterdir()] == ["a.db"]
    assert cuts > 5


def accounts(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM accounts").fetchone()[0])


def test_a_new_file_never_replaces_what_appeared_meanwhile(recovery: Recovery, monkeypatch: pytest.MonkeyPatch) -> None:
    recovery.deliver()
    link = os.link

    def meddled(*arguments: Any, **keywords: Any) -> None:
        recovery.target.write_bytes(b"precious")
        link(*arguments, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", meddled)
        assert "target_exists" in recovery.error("swap", method="place")
    assert recovery.target.read_bytes() == b"precious"
    assert "target_exists" in recovery.error("swap", method="place")
    assert "unfinished" in recovery.error("clean_up")
    assert "target_exists" in recovery.error("roll_back")
    recovery.target.unlink()
    recovery.ask("roll_back")
    assert not recovery.target.exists()


def test_a_place_that_was_rolled_back_is_empty_again(recovery: Recovery, backup: Path) -> None:
    recovery.deliver()
    assert recovery.ask("swap", method="place")["kept"] is None
    assert recovery.target.read_bytes() == backup.read_bytes()
    assert "taken away" in recovery.ask("roll_back")["sentence"]
    assert "rolled_back" in recovery.error("swap", method="place")
    recovery.ask("clean_up")
    assert list(recovery.target.parent.iterdir()) == []


def test_stale_sidecars_are_set_aside_for_an_artifact_and_refused_for_a_new_file(recovery: Recovery, tmp_path: Path) -> None:
    stale = tmp_path / "live" / "a.db-wal"
    stale.write_bytes(b"of another database")
    recovery.deliver()
    recovery.new_in = tmp_path / "live"
    assert "stale_sidecars" in recovery.error("swap", method="place")
    assert "stale_sidecars" in recovery.error("survey")
    recovery.new_in = None
    kept = Path(recovery.ask("swap", method="place")["kept"])
    assert seen_in(kept) == {"a.db-wal": b"of another database"}
    assert check_game(recovery.target) == []


def test_what_is_kept_outlives_the_clean_up_and_what_is_not_does_not(tmp_path: Path, backup: Path) -> None:
    for keep in (True, False):
        folder = tmp_path / str(keep)
        (folder / "live").mkdir(parents=True)
        recovery = Recovery(folder, backup)
        old = old_set(recovery)
        recovery.deliver()
        report = recovery.ask("swap", method="set_aside", keep_aside=keep)
        assert (report["kept"] is not None) is keep
        for _ in range(2):
            assert recovery.ask("clean_up")["left"] is keep
        assert (seen_in(recovery.place / "aside") == old) if keep else not recovery.place.exists()


def test_a_swap_is_not_begun_by_one_method_and_finished_by_another(recovery: Recovery) -> None:
    create(recovery.target, "wal")
    recovery.deliver()
    recovery.ask("swap", method="in_place")
    assert "other_method" in recovery.error("swap", method="set_aside")


def test_a_swap_that_found_the_database_locked_was_never_begun(recovery: Recovery) -> None:
    create(recovery.target, "delete")
    recovery.deliver()
    with closing(sqlite3.connect(recovery.target, isolation_level=None)) as game:
        game.execute("BEGIN IMMEDIATE")
        assert "locked" in recovery.error("swap", method="in_place", deadline=0.3)
        assert "as it was" in recovery.ask("roll_back")["sentence"]
        game.execute("ROLLBACK")
    recovery.ask("clean_up")
    assert [file.name for file in recovery.target.parent.iterdir()] == ["a.db"]


@pytest.mark.parametrize("method", ["in_place", "set_aside", "place", "dance"])
def test_nothing_is_swapped_without_a_checked_copy(recovery: Recovery, method: str) -> None:
    create(recovery.target, "wal")
    recovery.ask("receive", recovery.content)
    before = recovery.target.read_bytes()
    assert ("bad_request" if method == "dance" else "no_copy") in recovery.error("swap", method=method)
    assert recovery.target.read_bytes() == before
