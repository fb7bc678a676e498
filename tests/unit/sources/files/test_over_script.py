"""An archive by the script: whatever becomes of the script or the server, it is refused, and nothing waits for ever."""

import hashlib
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from fleetsave.model.archives import TreePart
from fleetsave.model.errors import CaptureError, StalledError
from fleetsave.model.fleet import Server, Ssh
from fleetsave.sources.files import over_script
from fleetsave.sources.files.over_script import archive_by_script
from fleetsave.sources.sqlite.remote_python import NoPythonError
from tests.fakes.fake_transport import FakeTransport
from tests.fixtures.archives import never, order_of

SSH = Ssh(host="game.example.org", user="game", host_keys=["ssh-ed25519 AAAA"], key_secret="key")


def server(tmp_path: Path, python: str | None = None) -> Server:
    return Server.model_construct(id="server_001", ssh=SSH, python=python, staging=str(tmp_path / "staging"))


READS_ALL = "python3 -c 'import sys; b = sys.stdin.buffer; b.read(int(b.readline())); b.readline()'"


def python_that(tmp_path: Path, does: str) -> str:
    """Return a Python that answers probes and drops, and does something else with everything that archives."""
    wrapper = tmp_path / "python3"
    wrapper.write_text(
        f"""#!/bin/sh
if [ -e '{tmp_path}/probed' ]; then rm '{tmp_path}/probed'; {does}; else touch '{tmp_path}/probed'; exec python3 "$@"; fi
"""
    )
    wrapper.chmod(0o755)
    return str(wrapper)


def taken(tmp_path: Path, python: str | None = None) -> bytes:
    (tmp_path / "game").mkdir()
    (tmp_path / "game" / "file").write_bytes(b"content")
    order = order_of(TreePart("files/game", str(tmp_path / "game")))
    with archive_by_script(FakeTransport(), server(tmp_path, python), order, never) as live:
        return b"".join(live.chunks())


def test_an_archive_comes_whole(tmp_path: Path) -> None:
    assert b"content" in taken(tmp_path)


def test_a_server_that_falls_silent_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_script, "STALL_SECONDS", 0.5)
    python = python_that(tmp_path, f"""{READS_ALL}; echo '{{"fleetsave": 1, "ok": {{"stream": true}}}}'; exec sleep 60""")
    with pytest.raises(StalledError) as stalled:
        taken(tmp_path, python)
    assert stalled.value.retryable


def test_a_database_that_is_long_in_coming_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_script, "STALL_SECONDS", 4.5)  # of silence; a sign of life comes every three seconds
    with closing(sqlite3.connect(tmp_path / "players.db", check_same_thread=False)) as game:
        game.execute("CREATE TABLE players (name)")
        game.execute("BEGIN EXCLUSIVE")
        unlocked = threading.Timer(7, game.rollback)
        unlocked.start()
        order = order_of(TreePart("files/game", str(tmp_path), include=["players.db"]))
        started = time.monotonic()
        with archive_by_script(FakeTransport(), server(tmp_path), order, never) as live:
            content = b"".join(live.chunks())
            report = live.report("key", hashlib.sha256(content).hexdigest())
        unlocked.join()
    assert time.monotonic() - started > 6
    assert (report.databases, report.problems) == (["files/game/players.db"], {})


@pytest.mark.parametrize("does", ["exit 1", "kill -9 $$", """echo '{"fleetsave": 1, "ok": {"stream": true}}'; exit 0"""])
def test_a_script_that_ends_early_is_no_archive(tmp_path: Path, does: str) -> None:
    with pytest.raises(CaptureError) as refused:
        taken(tmp_path, python_that(tmp_path, f"{READS_ALL}; {does}"))
    assert (refused.value.reason, refused.value.retryable) == ("cut_short", True)


def test_what_a_login_prints_does_no_harm(tmp_path: Path) -> None:
    assert b"content" in taken(tmp_path, python_that(tmp_path, 'echo Welcome; exec python3 "$@"'))


def test_a_server_without_python_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NoPythonError):
        taken(tmp_path, "/nowhere/python3")


def test_giving_up_removes_what_was_frozen(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "game.db")) as game:
        game.execute("CREATE TABLE players (name)")
    staging = tmp_path / "staging"
    staging.mkdir(mode=0o700)
    (staging / "archive-1.db").write_bytes(b"left by a run that was killed")
    (staging / "archive-2.db").write_bytes(b"of another")
    order = order_of(TreePart("files/game", str(tmp_path)))
    with pytest.raises(RuntimeError), archive_by_script(FakeTransport(), server(tmp_path), order, never):
        raise RuntimeError
    assert [path.name for path in staging.iterdir()] == ["archive-2.db"]
