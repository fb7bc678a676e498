"""What an account may do, and what its server has, decides how a database is captured; or why it is refused."""

import shutil
import signal
from contextlib import closing
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


def make(path: Path) -> Path:
    create(path, "wal")
    return path


def test_a_database_that_the_account_may_not_read_is_refused(
    capturing: Capturing, tmp_path: Path, unprivileged_python: Path, open_folder: Path
) -> None:
    path = make(open_folder / "a.db")
    path.chmod(0o600)
    server = capturing.server(python=str(unprivileged_python), staging=str(open_folder / "staging"))
    assert capturing.refusal(path, server).reason == "no_permission"
    assert capturing.refusal(tmp_path / "a.db", server).reason == "no_permission"


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
