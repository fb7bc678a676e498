"""A throwaway server starts anywhere, shows nobody anything of ours, and leaves nothing behind, however we end."""

import ctypes
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import fleetsave
from fleetsave.model.errors import VerificationError
from fleetsave.postgres.scratch_cluster import ScratchUnavailableError
from fleetsave.postgres.scratch_server import scratch_server
from tests.fixtures.stored_dumps import layer_programs

NOBODY_KNOWN = 54321
"""An account that has no name on this machine."""

_SCRIPT = """
import sys, time
from pathlib import Path
from fleetsave.postgres.programs import Programs
from fleetsave.postgres.scratch_server import scratch_server
with scratch_server(Programs(Path(sys.argv[1])), Path(sys.argv[2])) as server:
    {body}
"""
_SHMGET = {"x86_64": 29, "aarch64": 194}[platform.machine()]
_CODE = Path(fleetsave.__file__).parents[1]
_LIBC = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def folder(passable_folder: Path) -> Path:
    """A folder for each test, which every account may write into."""
    folder = passable_folder / f"{time.monotonic_ns()}"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def in_process(
    body: str, folder: Path, *, user: int | None = None, before: Callable[[], None] | None = None
) -> "subprocess.Popen[str]":
    """Start a process of its own that runs a server in `folder`, with credentials in its environment."""
    other = {} if user is None else {"user": user, "group": user, "extra_groups": ()}
    environment = {
        "AWS_SECRET_ACCESS_KEY": "our-secret", "PYTHONPATH": os.pathsep.join([str(_CODE), *sys.path]),
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    # Ours may be in a folder that nobody else can reach.
    python = sys.executable if user is None else "/usr/bin/python3"
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # options that are passed through
        [python, "-c", _SCRIPT.format(body=body), str(layer_programs().folder), str(folder / "server")],
        env=environment, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=before, **other,  # noqa: PLW1509 - it makes one call, which takes no lock
    )  # fmt: skip


def said(body: str, folder: Path, **given: object) -> str:
    with in_process(body, folder, **given) as process:  # type: ignore[arg-type]  # options that are passed through
        return process.communicate(timeout=60)[0]


def processes(folder: Path) -> list[str]:
    """Return the command lines of all processes that a server in the folder has brought about."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                where = (process / "cwd").resolve()
                if where.is_relative_to(folder) or str(folder) in line:
                    found.append(line)
    return found


def gone(folder: Path) -> bool:
    deadline = time.monotonic() + 20
    while processes(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not processes(folder)


def shared_memory() -> set[str]:
    return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}


def test_it_is_called_as_asked_and_knows_only_utc(folder: Path) -> None:
    with scratch_server(layer_programs(), folder / "server", superuser='the "boss"') as server, server.connect() as connection:
        row = connection.execute("SELECT current_user, current_setting('TimeZone'), inet_server_addr(), 1.5::money").fetchone()
        roles = connection.execute("SELECT rolname FROM pg_roles WHERE oid >= 16384 OR oid = 10").fetchall()
    assert row == ('the "boss"', "GMT", None, "$1.50")
    assert roles == [('the "boss"',)]


def test_nothing_of_it_runs_or_is_shared_afterwards_not_even_what_made_itself_independent(folder: Path) -> None:
    with scratch_server(layer_programs(), folder / "server") as server:
        with server.connect() as connection:
            connection.execute("CREATE TABLE t (a text)")
            connection.execute("COPY t FROM PROGRAM '(setsid sh -c \"trap : TERM HUP INT QUIT; sleep 1000\" >/dev/null 2>&1 &)'")
        assert any("sleep 1000" in line for line in processes(folder))
        segment = (folder / "server" / "data" / "postmaster.pid").read_text().splitlines()[6].split()[1]
        assert segment in shared_memory()
    assert processes(folder) == []
    assert segment not in shared_memory()


def test_it_ends_when_we_are_killed_whatever_it_does_at_that_moment(folder: Path) -> None:
    sums = "SELECT sum(a) FROM generate_series(1, 1e10::bigint) a"
    busy = f"connection = server.connect(); print('up'); connection.execute('{sums}')"
    with in_process(busy, folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        assert processes(folder)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert gone(folder)


def test_it_ends_with_an_error_of_ours(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch_server(layer_programs(), folder / "server"):
        _ = 1 / 0
    assert processes(folder) == []


LOOK = """
    import os
    connection = server.connect()
    connection.execute("CREATE TABLE t (a text)")
    for what in ("self/environ", *(f"{os.getpid()}/{one}" for one in ("environ", "mem", "maps", "fd/0", "root/etc/passwd"))):
        connection.execute("TRUNCATE t")
        connection.execute(f"COPY t FROM PROGRAM 'head -c 2000 /proc/{what} 2>&1 | base64 -w 0; true'")
        import base64
        row = connection.execute("SELECT a FROM t").fetchone()
        print(what.replace(str(os.getpid()), "ours"), base64.b64decode(row[0]))
"""


@pytest.mark.parametrize("user", [None, NOBODY_KNOWN], ids=["as root", "as an account without a name"])
def test_code_that_a_dump_brings_along_finds_none_of_our_secrets(folder: Path, user: int | None) -> None:
    output = said(LOOK.strip(), folder, user=user)
    assert "our-secret" not in output
    assert "AWS_" not in output
    found = dict(line.split(" ", 1) for line in output.splitlines())
    assert "PGTZ=GMT" in found.pop("self/environ")
    assert {what: "Permission denied" in answer for what, answer in found.items()} == dict.fromkeys(found, True)
    assert len(found) == 5


def test_where_the_machine_refuses_shared_memory_it_says_so_in_postgresqls_words(folder: Path) -> None:
    output = said("print('up')", folder, before=_refuse_shmget)
    assert "ScratchUnavailableError" in output
    assert "could not create shared memory segment: Function not implemented" in output


def test_a_path_too_long_for_a_socket_is_refused_with_what_to_do(folder: Path) -> None:
    deep = folder / ("x" * 100)
    with pytest.raises(ScratchUnavailableError, match="shorter path"), scratch_server(layer_programs(), deep):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone runs servers as somebody else")
def test_root_is_told_of_a_folder_that_nobody_else_can_reach(folder: Path) -> None:
    folder.chmod(0o700)
    with (
        pytest.raises(ScratchUnavailableError, match=f"{folder} is closed") as caught,
        scratch_server(layer_programs(), folder / "server"),
    ):
        pass
    assert "/tmp" in caught.value.hint  # noqa: S108 - what the hint names


def test_a_disk_without_room_for_a_server_names_the_parameter(small_disk: Path) -> None:
    for parent in (small_disk, *small_disk.parents[:4]):
        parent.chmod(0o755)
    with pytest.raises(VerificationError, match="VerifyStorage") as caught, scratch_server(layer_programs(), small_disk / "s"):
        pass
    assert not isinstance(caught.value, ScratchUnavailableError)


def test_one_that_is_not_up_in_time_is_ended(folder: Path) -> None:
    with pytest.raises(VerificationError, match="more memory"), scratch_server(layer_programs(), folder / "server", seconds=0):
        pass
    assert gone(folder)


def _refuse_shmget() -> None:
    """In a child: let the kernel answer shmget as if it did not know it (seccomp, linux/filter.h)."""

    class Step(ctypes.Structure):
        _fields_ = [("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("value", ctypes.c_uint)]

    class Filter(ctypes.Structure):
        _fields_ = [("size", ctypes.c_ushort), ("steps", ctypes.POINTER(Step))]

    no_such_call, allowed = 0x0005_0000 | 38, 0x7FFF_0000
    steps = (Step * 4)(
        Step(0x20, 0, 0, 0), Step(0x15, 0, 1, _SHMGET), Step(0x06, 0, 0, no_such_call), Step(0x06, 0, 0, allowed)
    )  # fmt: skip
    given = Filter(4, steps)
    _LIBC.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    assert _LIBC.prctl(22, 2, ctypes.byref(given), 0, 0) == 0  # PR_SET_SECCOMP
