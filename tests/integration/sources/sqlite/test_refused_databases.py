"""Each thing that keeps a database from being captured is refused by its name, and harms nothing."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from fleetsave.local.game import check_game, create
from fleetsave.local.sshd import SshServer
from fleetsave.model.errors import CaptureError
from fleetsave.model.fleet import Server, SqliteDatabase
from fleetsave.sources.sqlite import source
from fleetsave.transports.ssh import SshTransport
from tests.fixtures.captures import NO_PYTHON, Capturing
from tests.fixtures.game import running_game
from tests.fixtures.servers import SftpOnlyServer

WAYS = pytest.mark.parametrize("python", [None, NO_PYTHON], ids=["python", "sqlite3 alone"])

HOLD_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchall()
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(path: Path, *statements: str) -> Iterator[None]:
    command = [sys.executable, "-c", HOLD_LOCK, str(path), *statements]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    yield
    process.communicate()


def make(path: Path, journal_mode: str = "wal") -> Path:
    create(path, journal_mode)
    return path


@WAYS
def test_what_is_no_database_is_refused(capturing: Capturing, tmp_path: Path, python: str | None) -> None:
    server = capturing.server(python=python)
    (tmp_path / "empty.db").touch()
    (tmp_path / "foreign.db").write_bytes(b"%PDF-1.7" + bytes(5000))
    (tmp_path / "encrypted.db").write_bytes(os.urandom(8192))
    with closing(sqlite3.connect(tmp_path / "bare.db")) as bare:
        bare.execute("CREATE TABLE t (a)")
        bare.execute("DROP TABLE t")
    reasons = {
        "missing.db": "missing",
        "missing/missing.db": "missing",
        "": "not_a_file",
        "empty.db": "empty",
        "bare.db": "empty",
        "foreign.db": "not_a_database",
        "encrypted.db": "not_a_database",
    }
    for name, reason in reasons.items():
        refused = capturing.refusal(tmp_path / name, server)
        assert (refused.reason, refused.retryable) == (reason, False), refused
        assert refused.hint


@WAYS
def test_a_damaged_database_raises_the_alarm(capturing: Capturing, tmp_path: Path, python: str | None) -> None:
    create(tmp_path / "a.db", "delete", world_megabytes=1)
    content = bytearray((tmp_path / "a.db").read_bytes())
    (tmp_path / "a.db").write_bytes(content[: len(content) // 2])
    refused = capturing.refusal(tmp_path / "a.db", capturing.server(python=python))
    assert refused.reason == "damaged"
    assert "older backups" in refused.hint


@WAYS
def test_a_locked_database_is_refused_after_its_deadline_and_may_be_tried_again(
    capturing: Capturing, tmp_path: Path, python: str | None
) -> None:
    path = make(tmp_path / "a.db", "delete")
    with another_process(path, "BEGIN EXCLUSIVE"):
        refused = capturing.refusal(path, capturing.server(python=python), deadline="2s")
    assert refused.reason == "locked"
    assert refused.retryable
    assert "lslocks" in refused.hint
    assert capturing.take(path).report.size


@WAYS
def test_exclusive_locking_mode_is_told_from_other_locks(capturing: Capturing, tmp_path: Path, python: str | None) -> None:
    path = make(tmp_path / "a.db", "wal")
    shut = ("PRAGMA locking_mode=EXCLUSIVE", "UPDATE accounts SET balance = balance")
    with another_process(path, *shut):
        refused = capturing.refusal(path, capturing.server(python=python), deadline="2s")
    assert refused.reason == "exclusive_lock"
    assert "locking_mode" in refused.hint


def test_a_lock_that_would_last_too_long_is_let_go(capturing: Capturing, tmp_path: Path) -> None:
    create(tmp_path / "a.db", "delete", world_megabytes=20)
    refused = capturing.refusal(tmp_path / "a.db", lock_limit="0.0001s")
    assert refused.reason == "lock_limit"
    assert refused.retryable
    with closing(sqlite3.connect(tmp_path / "a.db", timeout=0)) as game:
        game.execute("CREATE TABLE written (a)")


def test_a_held_lock_that_would_last_too_long_is_let_go(capturing: Capturing, tmp_path: Path, small_disk: Path) -> None:
    """The stream ends with an error, whatever had been read: after the lock is gone the file may be torn."""
    create(tmp_path / "a.db", "delete", world_megabytes=4)
    database = SqliteDatabase(path=str(tmp_path / "a.db"), lock_limit=timedelta(seconds=1))
    server = capturing.server(staging=str(small_disk))
    capture = source.capture(capturing.transport, server, database, database.path, "slot", scratch=tmp_path)
    assert not capture.resumable
    chunks = capture.read(0)
    next(chunks)
    with closing(sqlite3.connect(tmp_path / "a.db", timeout=20)) as game:
        game.execute("CREATE TABLE written (a)")
    with pytest.raises(CaptureError) as refused:
        list(chunks)
    assert refused.value.reason == "lock_limit"
    capture.release()


@contextmanager
def cut_off(path: Path, *attached: Path) -> Iterator[None]:
    """Leave a hot journal: the files of a transaction in the middle, as a killed game would."""
    aside = path.with_name("aside")
    aside.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as game:
        game.execute("PRAGMA cache_size=2")
        for number, other in enumerate(attached):
            game.execute(f"ATTACH '{other}' AS other{number}")
        game.execute("BEGIN IMMEDIATE")
        game.execute("UPDATE accounts SET balance = balance + 1")
        game.execute("UPDATE world SET block = zeroblob(1000000)")
        for file in path.parent.glob(f"{path.name}*"):
            shutil.copy(file, aside)
        game.execute("ROLLBACK")
    for file in aside.iterdir():
        shutil.copy(file, path.parent)
    yield


@WAYS
def test_a_hot_journal_is_rolled_back_in_our_copy_and_never_on_the_server(
    capturing: Capturing, tmp_path: Path, python: str | None
) -> None:
    path = tmp_path / "a.db"
    create(path, "delete", world_megabytes=2)
    with cut_off(path):
        files = [path, tmp_path / "a.db-journal"]
        before = [file.read_bytes() for file in files]
        if python is None:
            taken = capturing.take(path, checks={"money": "SELECT sum(balance) FROM accounts"})
            assert check_game(taken.path) == []
            assert taken.report.method == "recovered_hot_journal"
            assert taken.report.sha256_origin == "collector"
            assert taken.report.fingerprint is not None
            assert taken.report.fingerprint.checks == {"money": [200_000]}
        else:
            assert capturing.refusal(path, capturing.server(python=python)).reason == "hot_journal"
        assert [file.read_bytes() for file in files] == before


def test_a_hot_journal_of_several_databases_is_refused(capturing: Capturing, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    create(path, "delete", world_megabytes=2)
    with cut_off(path):
        name = b"/srv/super-journal"
        ending = len(name).to_bytes(4, "big") + sum(name).to_bytes(4, "big") + bytes.fromhex("d9d505f920a163d7")
        with (tmp_path / "a.db-journal").open("ab") as journal:
            journal.write(bytes(4) + name + ending)
        refused = capturing.refusal(path)
    assert refused.reason == "hot_journal"
    assert "several" in refused.cause


def test_a_database_that_the_account_may_not_read_is_refused(
    capturing: Capturing, tmp_path: Path, unprivileged_python: Path, open_folder: Path
) -> None:
    path = make(open_folder / "a.db")
    path.chmod(0o600)
    server = capturing.server(python=str(unprivileged_python), staging=str(open_folder / "staging"))
    assert capturing.refusal(path, server).reason == "no_permission"
    assert capturing.refusal(tmp_path / "a.db", server).reason == "no_permission"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may look into and nobody else may write, but for its folder `staging`, which is nobody's."""
    # Not under pytest's own folder, which is for us alone.
    folder = Path(tempfile.mkdtemp(prefix="fleetsave-test-"))
    folder.chmod(0o755)
    (folder / "staging").mkdir(0o700)
    os.chown(folder / "staging", 65534, 65534)
    yield folder
    shutil.rmtree(folder)


def test_a_closed_wal_database_in_a_folder_we_cannot_write_is_read_as_immutable(
    capturing: Capturing, unprivileged_python: Path, open_folder: Path
) -> None:
    path = make(open_folder / "a.db")
    server = capturing.server(python=str(unprivileged_python), staging=str(open_folder / "staging"))
    before = sorted(file.name for file in open_folder.iterdir())
    taken = capturing.take(path, server)
    assert check_game(taken.path) == []
    assert "immutable" in taken.report.notes[0]
    assert sorted(file.name for file in open_folder.iterdir()) == before


def test_an_account_that_may_only_read_captures_a_database_in_use(
    capturing: Capturing, unprivileged_python: Path, open_folder: Path
) -> None:
    server = capturing.server(python=str(unprivileged_python), staging=str(open_folder / "staging"))
    with running_game(open_folder / "a.db") as game:
        acknowledged = game.acknowledged
        taken = capturing.take(game.path, server)
    assert check_game(taken.path, at_least=acknowledged) == []
    assert taken.report.notes == []


def test_a_wal_that_the_account_cannot_join_is_refused(
    capturing: Capturing, tmp_path: Path, unprivileged_python: Path, open_folder: Path
) -> None:
    server = capturing.server(python=str(unprivileged_python), staging=str(open_folder / "staging"))
    with running_game(tmp_path / "a.db") as game:
        game.process.wait_until(lambda: game.acknowledged > 5)
        game.process.signal(signal.SIGKILL)
    for name in ("a.db", "a.db-wal"):
        shutil.copy(tmp_path / name, open_folder)
    refused = capturing.refusal(open_folder / "a.db", server)
    assert refused.reason == "read_only_folder"
    assert "game's user" in refused.hint


def test_a_full_disk_is_refused_where_only_the_sqlite3_program_is(capturing: Capturing, tmp_path: Path, small_disk: Path) -> None:
    create(tmp_path / "a.db", "wal", world_megabytes=2)
    refused = capturing.refusal(tmp_path / "a.db", capturing.server(python=NO_PYTHON, staging=str(small_disk)))
    assert refused.reason == "disk_full"
    assert refused.retryable
    assert list(small_disk.iterdir()) == []


def test_no_room_on_our_side_is_refused(
    capturing: Capturing, tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(tmp_path / "a.db", "wal", world_megabytes=2)
    monkeypatch.setattr(capturing, "scratch", small_disk)
    refused = capturing.refusal(tmp_path / "a.db", capturing.server(staging=str(small_disk)))
    assert refused.reason == "no_room_here"
    assert list(small_disk.iterdir()) == []


@WAYS
@pytest.mark.parametrize("trap", ["a link", "open to all"])
def test_a_staging_folder_that_others_could_write_is_refused(
    capturing: Capturing, tmp_path: Path, python: str | None, trap: str
) -> None:
    path = make(tmp_path / "a.db")
    (tmp_path / "elsewhere").mkdir()
    if trap == "a link":
        (tmp_path / "trap").symlink_to("elsewhere")
    else:
        (tmp_path / "trap").mkdir()
        (tmp_path / "trap").chmod(0o777)
    refused = capturing.refusal(path, capturing.server(python=python, staging=str(tmp_path / "trap")))
    assert refused.reason == "unsafe_staging"
    assert list((tmp_path / "elsewhere").iterdir()) == []


@WAYS
def test_a_check_that_fails_is_refused_and_names_itself(capturing: Capturing, tmp_path: Path, python: str | None) -> None:
    path = make(tmp_path / "a.db")
    before = path.read_bytes()
    for sql in (
        "SELECT nothing FROM nowhere",
        "WITH x AS (SELECT 1) DELETE FROM accounts",
        "SELECT x'00'",
        "DELETE FROM accounts",
    ):
        refused = capturing.refusal(path, capturing.server(python=python), checks={"money": sql})
        assert (refused.reason, refused.retryable) == ("bad_check", False)
        assert "money" in refused.cause
    assert path.read_bytes() == before


def test_sftp_alone_is_refused(sftp_only_server: SftpOnlyServer, tmp_path: Path) -> None:
    make(sftp_only_server.root / "a.db")
    ssh = sftp_only_server.server
    transport = SshTransport(ssh.ssh_settings(), ssh.private_key)
    server = Server(id="server_001", ssh=ssh.ssh_settings())
    with closing(transport), pytest.raises(CaptureError, match="cannot be copied safely over SFTP alone") as refused:
        source.capture(transport, server, SqliteDatabase(path="/a.db"), "/a.db", "slot", scratch=tmp_path)
    assert refused.value.reason == "sftp_only"


COMMANDS = ("sh", "printf", "kill", "dd", "cat", "chmod", "df", "find", "id", "mkdir", "mv", "rm", "stat", "timeout", "sha256sum")
"""The small commands of a POSIX server."""


def test_a_server_without_any_tool_is_refused_and_one_with_sqlite3_is_not(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for command in COMMANDS:
        (programs / command).symlink_to(shutil.which(command) or "/missing")
    # A forced command, since the account's own start-up files would set PATH after sshd has.
    forced = tmp_path / "forced"
    forced.write_text(
        f"#!/bin/sh\nPATH={programs}\n"
        'case "$SSH_ORIGINAL_COMMAND" in *sftp*) exec /usr/lib/openssh/sftp-server;; esac\n'
        'exec sh -c "$SSH_ORIGINAL_COMMAND"\n'
    )
    forced.chmod(0o755)
    with (
        SshServer(tmp_path / "sshd", configuration=[f"ForceCommand {forced}"]) as ssh,
        closing(SshTransport(ssh.ssh_settings(), ssh.private_key)) as transport,
    ):
        bare = Capturing(transport, ssh, tmp_path)
        path = make(tmp_path / "a.db")
        refused = bare.refusal(path)
        assert refused.reason == "no_tools"
        assert "3.27" in refused.cause
        (programs / "sqlite3").symlink_to(shutil.which("sqlite3") or "/missing")
        assert bare.take(path).report.method == "cli_vacuum_into"


def test_a_python_too_old_is_none(capturing: Capturing, tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\necho "SyntaxError: invalid syntax" >&2\nexit 1\n')
    old.chmod(0o755)
    taken = capturing.take(make(tmp_path / "a.db"), capturing.server(python=str(old)))
    assert taken.report.method == "cli_vacuum_into"


def test_a_server_that_answers_nonsense_is_refused(capturing: Capturing, tmp_path: Path) -> None:
    path = make(tmp_path / "a.db")
    replies = {
        "echo hello": "bad_reply",
        """echo '{"fleetsave": 1, "ok": {}}'""": "bad_reply",
        """echo '{"fleetsave": 1, "error": "too_green", "cause": "x"}'""": "too_green",
    }
    for command, reason in replies.items():
        python = tmp_path / "python3"
        python.write_text(f"#!/bin/sh\n{command}\n")
        python.chmod(0o755)
        assert capturing.refusal(path, capturing.server(python=str(python))).reason == reason
