"""Whoever steals the key for captures gets no shell, no file, no way on and no variable in, whatever they ask sshd for."""

import subprocess
import sys
from pathlib import Path

import pytest

from fleetsave.sources.sqlite import server_side as sqlite
from tests.fixtures.gated import GatedServer

pytestmark = pytest.mark.usefixtures("nothing_happened")
NOT_A_SHELL = (
    *(
        "",
        "id",
        "sh",
        "/bin/sh -i",
        "bash -l",
        "sh -c id",
        "id; id",
        "$(id)",
        "`id`",
        "printf x",
        "env",
        "exec id",
        "/usr/bin/id",
    ),
    *("printf %s 'fleetsave: commands run here'; id", "python3 -c 'print(1)'", "python3 -I -c 'import os;os.system(\"id\")'"),
    *(f"python3 -I -c {sqlite.BOOTSTRAP}", "cat /etc/passwd", "tail -c +1 /etc/passwd", "scp -f /etc/passwd", "scp -t /tmp"),
    *("rsync --server --sender . /etc", "sqlite3 /etc/x.db", "internal-sftp -d /etc\nid", "tar c /etc", "dd", "\x01id", "'"),
    *("kill -9 1", "kill -15 1", "kill -9 -1", "kill -9 1 1", "a" * 100_000),
    *('sh -c \'echo "$$"; exec "$@"\' sh id', 'sh -c \'echo "$$"; exec "$@"\' sh sh -c id'),
)
SFTP_ORDERS = (
    *("get {outside}/secret {mine}", "get {game}/game.db {mine}", "put {mine} {game}/world/new", "mkdir {game}/new"),
    *("rm {game}/game.db", "rename {game}/game.db {game}/b.db", "chmod 777 {game}/game.db", "ln -s /etc {game}/etc"),
)
VARIABLES = ("BASH_ENV", "ENV", "PYTHONSTARTUP", "PYTHONPATH", "PYTHONHOME", "SSH_ORIGINAL_COMMAND", "PYTHONINSPECT")


@pytest.mark.parametrize("command", NOT_A_SHELL, ids=range(len(NOT_A_SHELL)))
def test_there_is_no_shell(exposed: GatedServer, command: str) -> None:
    answer = exposed.client(*([command] if command else []))
    assert answer.status != 0
    assert answer.output.strip().isdigit() or answer.output == b""
    assert "fleetsave gate: " in answer.errors


@pytest.mark.parametrize("option", [["-tt"], ["-A"], ["-X"], ["-R", "0:127.0.0.1:22"], ["-R", "{staging}/socket:127.0.0.1:22"]])
def test_terminals_and_forwarding_are_refused(exposed: GatedServer, option: list[str]) -> None:
    listens = "-R" in option
    words = [word.format(staging=exposed.staging) for word in option] + ["-N", "-oExitOnForwardFailure=yes"] * listens
    answer = exposed.client(*([] if listens else ["env"]), options=words, is_alone=True)
    assert answer.status != 0
    assert answer.output.strip() == b""
    assert "SSH_AUTH_SOCK" not in answer.errors


def test_no_port_is_reached_through_it(exposed: GatedServer) -> None:
    answer = exposed.client(options=["-W", f"127.0.0.1:{exposed.ssh.port}"], is_alone=True)
    assert answer.status != 0
    assert answer.output == b""


@pytest.mark.parametrize("program", ["scp -O", "scp -s"])
@pytest.mark.parametrize("is_upload", [True, False], ids=["up", "down"])
def test_files_are_copied_neither_up_nor_down(exposed: GatedServer, tmp_path: Path, program: str, *, is_upload: bool) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(b"mine")
    there = f"{exposed.account}@127.0.0.1:{exposed.game / 'world' / 'new' if is_upload else exposed.outside / 'secret'}"
    name, option = program.split()
    words = [str(mine), there] if is_upload else [there, str(mine)]
    assert exposed.client(*words, program=name, options=[option]).status != 0
    assert mine.read_bytes() == b"mine"


@pytest.mark.parametrize("order", SFTP_ORDERS)
def test_sftp_tells_names_and_neither_reads_nor_writes(exposed: GatedServer, tmp_path: Path, order: str) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(b"mine")
    text = order.format(outside=exposed.outside, game=exposed.game, mine=mine)
    target = f"{exposed.account}@127.0.0.1"
    assert exposed.client(target, program="sftp", options=["-b", "-"], stdin=text.encode()).status != 0
    assert mine.read_bytes() == b"mine"
    listed = exposed.client(target, program="sftp", options=["-b", "-"], stdin=f"ls {exposed.game}".encode())
    assert b"game.db" in listed.output


@pytest.mark.parametrize("name", VARIABLES)
def test_no_variable_of_the_environment_runs_anything(exposed: GatedServer, tmp_path: Path, name: str) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    touch = f"touch {exposed.staging}/pwned"
    for file in ("sitecustomize.py", "usercustomize.py", "json.py", "os.py", "start"):
        (tmp_path / file).write_text(f"import os\nos.system('{touch}')\n" if name.startswith("PYTHON") else f"{touch}\n")
    values = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path), "SSH_ORIGINAL_COMMAND": touch}
    value = values.get(name, str(tmp_path / "start"))
    answer = exposed.client("env", options=["-o", f"SetEnv={name}={value}"], is_alone=True)
    assert answer.output == b""
    assert answer.status != 0


def test_no_process_is_killed_but_a_gate_of_the_same_key(exposed: GatedServer) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        assert exposed.client(f"kill -9 {bystander.pid}").status == 1
        assert bystander.poll() is None
        bystander.kill()
    assert exposed.client("kill -9 4194304").status == 0


def test_what_is_refused_is_told_in_one_line(exposed: GatedServer) -> None:
    answer = exposed.client("cat '/etc/\nfake: line'")
    assert answer.errors.splitlines() == ["fleetsave gate: this key runs no commands"]


@pytest.mark.parametrize("mode", [0o666, 0o664])
def test_a_configuration_that_others_may_write_opens_nothing(exposed: GatedServer, mode: int) -> None:
    path = exposed.base / "etc" / "gate.json"
    path.chmod(mode)
    try:
        answer = exposed.client("printf %s 'fleetsave: commands run here'")
        assert answer.status == 1
        assert "is open to others" in answer.errors
    finally:
        path.chmod(0o644)
