"""The local stack's PostgreSQL is a real one: verified TLS, passwords, writers, and nothing of it is left when it ends."""

import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fleetsave.local.postgres_load import PgbenchLoad, is_consistent
from fleetsave.local.postgres_server import Login, PostgresServer
from fleetsave.local.processes import accepts_connections

PARENT = """
import sys
from pathlib import Path
from fleetsave.local.postgres_load import PgbenchLoad
from fleetsave.local.postgres_server import PostgresServer

server = PostgresServer(Path(sys.argv[1]))
server.bench()
load = PgbenchLoad(server)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module", params=[14, 18])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("with space") / "postgres", major=request.param) as server:
        server.bench()
        yield server


def connect(server: PostgresServer, login: Login, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
    authority = server.folder / "authority.pem"
    given = {"host": "localhost", "sslmode": "verify-full", "sslrootcert": str(authority), "dbname": "bench", **options}
    return psycopg.connect(port=server.port, user=login.user, password=login.password, connect_timeout=10, **given)


def superuser(server: PostgresServer) -> Login:
    return Login("postgres", server.superuser_password)


def processes_of(folder: Path) -> dict[int, str]:
    """Return the processes that have the folder in their arguments or as their own; those that only wait to be buried do not."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line, place = (entry / "cmdline").read_bytes(), (entry / "cwd").readlink()
        except OSError:
            continue  # it has just ended
        if str(folder).encode() in line or place.is_relative_to(folder):
            found[int(entry.name)] = line.replace(b"\0", b" ").decode()
    return found


def has_shared_memory(segment: str) -> bool:
    return segment in [line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]


def wait_until_gone(folder: Path) -> None:
    deadline = time.monotonic() + 20
    while left := processes_of(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


# ---- what it is ----------------------------------------------------------------------------------------------------------------


def test_it_is_the_major_that_was_asked_for_with_checksums_and_everything_of_contrib(server: PostgresServer) -> None:
    with connect(server, superuser(server)) as connection:
        assert connection.info.server_version // 10000 == server.major
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        for extension in ("pgcrypto", "hstore", "pg_trgm"):
            connection.execute(f"CREATE EXTENSION {extension}")
        assert connection.execute("SELECT length(gen_salt('bf'))").fetchone() == (29,)
        connection.rollback()


def test_its_certificate_is_of_its_own_authority(server: PostgresServer) -> None:
    ssl.create_default_context(cadata=server.ca_certificate)
    with connect(server, superuser(server)) as connection:
        row = connection.execute("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    assert row == (True, "TLSv1.3")


def test_another_authority_is_not_believed(server: PostgresServer, tmp_path: Path) -> None:
    with PostgresServer(tmp_path) as other, pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        connect(server, superuser(server), sslrootcert=str(other.folder / "authority.pem"))


@pytest.mark.parametrize(
    ("user", "password", "options", "said"),
    [
        ("postgres", "wrong", {}, "password authentication failed"),
        ("nobody-knows-me", "wrong", {}, "password authentication failed"),
        ("postgres", None, {"sslmode": "disable"}, "no pg_hba.conf entry .* no encryption"),
        ("postgres", "", {}, "no password supplied"),
    ],
)
def test_nobody_enters_without_password_and_encryption(
    server: PostgresServer, user: str, password: str | None, options: dict[str, str], said: str
) -> None:
    login = Login(user, server.superuser_password if password is None else password)
    with pytest.raises(psycopg.OperationalError, match=said):
        connect(server, login, passfile=os.devnull, **options)


def test_passwords_are_in_no_command_line_and_no_environment(server: PostgresServer) -> None:
    with PgbenchLoad(server) as load:
        seen = []
        for pid in processes_of(server.folder):
            with suppress(FileNotFoundError, ProcessLookupError):  # a worker of the server may end at any moment
                seen += [Path(f"/proc/{pid}/{what}").read_bytes() for what in ("cmdline", "environ")]
        assert load.is_running
    assert len(seen) >= 10, "the server and its helpers, pgbench and its sessions"
    assert [text for text in seen if server.superuser_password.encode() in text] == []
    assert server.superuser_password not in server.log.read_text()


# ---- roles ---------------------------------------------------------------------------------------------------------------------


def test_the_backup_role_reads_everything_and_writes_nothing(server: PostgresServer) -> None:
    backup = server.create_backup_role()
    server.psql("CREATE TABLE hidden AS SELECT 7 AS number; ALTER TABLE hidden ENABLE ROW LEVEL SECURITY", "bench")
    with connect(server, backup) as connection:
        assert connection.execute("SELECT number FROM hidden").fetchone() == (7,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM hidden")
    server.psql("DROP TABLE hidden", "bench")


def test_a_role_that_is_made_again_has_a_new_password(server: PostgresServer) -> None:
    first, second = server.create_restore_role(), server.create_restore_role()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(server, first)
    with connect(server, second) as connection:
        assert connection.execute("SHOW is_superuser").fetchone() == ("on",)
    assert first.password not in repr(first)


def test_a_statement_that_fails_is_told(server: PostgresServer) -> None:
    with pytest.raises(RuntimeError, match=r'psql ended with 3: .*relation "nothing" does not exist'):
        server.psql("SELECT 1 FROM nothing")


# ---- load ----------------------------------------------------------------------------------------------------------------------


def test_pgbench_goes_on_writing_and_its_sums_agree_at_every_moment(server: PostgresServer) -> None:
    with PgbenchLoad(server, rate=200) as load:
        seen = load.transactions
        while load.transactions < seen + 50:
            assert load.is_running
            assert is_consistent(server)
    assert not load.is_running
    after = load.transactions
    assert (load.transactions, is_consistent(server)) == (after, True)
    server.psql("UPDATE pgbench_tellers SET tbalance = tbalance + 1 WHERE tid = 1", "bench")
    assert not is_consistent(server)
    server.psql("UPDATE pgbench_tellers SET tbalance = tbalance - 1 WHERE tid = 1", "bench")


def test_what_was_committed_survives_a_kill(server: PostgresServer) -> None:
    with PgbenchLoad(server):
        with connect(server, superuser(server)) as connection:
            connection.execute("CREATE TABLE committed AS SELECT 1")
            connection.commit()
            server.kill()
        server.restart()
    assert server.psql("SELECT count(*) FROM committed; DROP TABLE committed", "bench") == "1"
    assert is_consistent(server)


# ---- its end -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_nothing_is_left_when_it_ends(tmp_path: Path, way: str) -> None:
    server = PostgresServer(tmp_path / "postgres")
    server.bench()
    load = PgbenchLoad(server)
    pid_file = server.folder / "data" / "postmaster.pid"
    segment = pid_file.read_text().splitlines()[6].split()[1]
    assert has_shared_memory(segment)
    assert len(processes_of(server.folder)) > 5
    getattr(server, way)()
    load.stop()
    wait_until_gone(tmp_path)
    assert not accepts_connections(server.port)
    assert not has_shared_memory(segment)
    assert pid_file.exists() == (way == "kill")
    getattr(server, way)()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_in_order_with_the_process_that_started_it(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "postgres")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        parent.send_signal(number)
    wait_until_gone(tmp_path)
    assert "database system is shut down" in (tmp_path / "postgres" / "postgres.log").read_text()


def test_a_second_server_in_the_folder_is_the_first_one_restarted(tmp_path: Path) -> None:
    with PostgresServer(tmp_path) as first:
        first.psql("CREATE TABLE kept AS SELECT 1")
    with PostgresServer(tmp_path, port=first.port, settings={"work_mem": "8MB"}) as second:
        assert (second.ca_certificate, second.superuser_password) == (first.ca_certificate, first.superuser_password)
        assert second.psql("SELECT count(*) FROM kept; SHOW work_mem") == "1\n8MB"


def test_without_tls_it_is_reached_without(tmp_path: Path) -> None:
    with PostgresServer(tmp_path, tls=False) as server:
        assert server.psql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "f"


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r'(?s)postgres ended with 1:.*unrecognized configuration parameter "no_such_thing"'):
        PostgresServer(tmp_path / "a", settings={"no_such_thing": "on"})
    with pytest.raises(RuntimeError, match=r"(?s)initdb ended with 1:.*invalid locale name"):
        PostgresServer(tmp_path / "b", locale="xx_XX.UTF-8")
    with PostgresServer(tmp_path / "a") as server:
        assert server.is_running
