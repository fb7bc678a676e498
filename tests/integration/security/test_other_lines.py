"""The page's other lines: SFTP that only reads, and a way to one port and to nothing else."""

import re
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fleetsave.local.processes import free_port
from fleetsave.local.sshd import SshServer
from tests.fixtures.gated import PAGE


class Greeter(socketserver.BaseRequestHandler):
    """Stands where PostgreSQL would."""

    def handle(self) -> None:
        self.request.sendall(b"here is PostgreSQL")


@contextmanager
def greeting() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def line(begins: str) -> str:
    """Return what the page has before a key."""
    text = PAGE.read_text()
    start = text.index(begins)
    return text[start : text.index('"', text.index('command="', start) + 9) + 1]


@contextmanager
def behind(words: str, folder: Path, configuration: Sequence[str] = ()) -> Iterator[SshServer]:
    with SshServer(folder / "sshd", configuration=configuration) as server:
        keys = folder / "sshd" / "authorized_keys"
        keys.write_text(f"{words} {keys.read_text()}")
        yield server


def ask(
    server: SshServer, folder: Path, *words: str, program: str = "ssh", stdin: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "LogLevel=ERROR"]
    port = ["-p" if program == "ssh" else "-P", str(server.port)]
    given = ["-F", "none", "-i", str(folder / "sshd" / "client_key"), *(f"-o{option}" for option in options), *port]
    return subprocess.run([program, *given, *words], check=False, input=stdin, capture_output=True, timeout=30)


def test_sftp_that_only_reads_reads_and_neither_writes_nor_runs(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"there")
    with behind(line('restrict,command="internal-sftp -R"'), tmp_path) as server:
        target = f"{server.user}@127.0.0.1"
        orders = f"get {tmp_path}/there {tmp_path}/got"
        assert ask(server, tmp_path, "-b", "-", target, program="sftp", stdin=orders.encode()).returncode == 0
        assert (tmp_path / "got").read_bytes() == b"there"
        for order in (f"put {tmp_path}/there {tmp_path}/new", f"rm {tmp_path}/there", f"mkdir {tmp_path}/new"):
            assert ask(server, tmp_path, "-b", "-", target, program="sftp", stdin=order.encode()).returncode != 0
        assert b"uid=" not in ask(server, tmp_path, target, "id").stdout
    assert not (tmp_path / "new").exists()
    assert (tmp_path / "there").exists()


def match_block(user: str) -> list[str]:
    """Return the lines that the page has for sshd_config, for another user."""
    found = re.search(r"^Match User \S+\n((?: +.*\n)+)", PAGE.read_text(), re.MULTILINE)
    assert found is not None
    return [f"Match User {user}", *found[1].splitlines()]


def test_a_way_to_a_database_leads_there_alone_and_runs_nothing(tmp_path: Path) -> None:
    with greeting() as database, greeting() as other:
        words = line("restrict,port-forwarding,permitopen").replace("5432", str(database))
        with behind(words, tmp_path, match_block("root")) as server:
            target = f"{server.user}@127.0.0.1"
            assert ask(server, tmp_path, "-W", f"127.0.0.1:{database}", target).stdout == b"here is PostgreSQL"
            assert ask(server, tmp_path, "-W", f"127.0.0.1:{other}", target).stdout == b""
            refused = ask(server, tmp_path, target, "id")
            assert (refused.returncode, refused.stdout) == (1, b"")
            for listening in (free_port(), tmp_path / ".s.PGSQL.5432"):
                words_of_it = ["-N", "-oExitOnForwardFailure=yes", "-oConnectTimeout=5", f"-R{listening}:127.0.0.1:{other}"]
                assert ask(server, tmp_path, *words_of_it, target).returncode != 0
    assert not (tmp_path / ".s.PGSQL.5432").exists()
