"""Nothing of a local stack outlives the process that runs it, whatever becomes of that, and its state can be taken up again."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from fleetsave.local.stack import Profile

SUPERVISOR = """
import os
import signal
import sys
import time
from pathlib import Path
from threading import Thread
from fleetsave.local.stack import LocalStack, Profile

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs tests in the background has it ignored
profile, state, project = Profile(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
with LocalStack(profile, state=state, project=project, name="probe", progress=lambda text: print(text, flush=True)) as stack:
    name = str(os.getpid())
    Thread(target=stack.invoke, args=("ProbeFunction", {"do": "sleep", "seconds": 60, "name": name}), daemon=True).start()
    while f"{name} begins" not in stack.function_log("ProbeFunction"):
        time.sleep(0.02)
    print("a function runs", flush=True)
    sys.stdin.read()
"""


class Supervisor:
    """A process that runs a local stack, with a function of it in the middle of its work."""

    def __init__(self, profile: Profile, state: Path, project: Path) -> None:
        self.state = state
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, profile, str(state), str(project)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def read_until(self, line: str) -> list[str]:
        """Return what it said until `line`."""
        said = []
        output: IO[str] | None = self.process.stdout
        assert output is not None
        for text in output:
            said.append(text.strip())
            if said[-1] == line:
                return said
        pytest.fail(f"it ended before it said {line!r}: {self.process.communicate()[1]}")

    def children(self) -> set[int]:
        """Return the processes that have the state folder in their arguments or environment."""
        return {pid for pid in _processes_of(self.state) if pid != self.process.pid}

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(30)
        self.process.communicate()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def run(state: Path, project: Path) -> Iterator[Callable[[], Supervisor]]:
    started: list[Supervisor] = []

    def start() -> Supervisor:
        started.append(Supervisor(Profile.MINISTACK, state, project))
        return started[-1]

    yield start
    for supervisor in started:
        if supervisor.process.poll() is None:
            supervisor.end(signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_however_it_is_ended(run: Callable[[], Supervisor], number: signal.Signals) -> None:
    supervisor = run()
    supervisor.read_until("a function runs")
    assert len(supervisor.children()) >= 4, "function host, emulator, runtime and function"
    supervisor.end(number)
    wait_until_gone(supervisor.state)


def test_state_is_taken_up_again_without_deploying_even_after_a_kill(run: Callable[[], Supervisor], state: Path) -> None:
    supervisor = run()
    supervisor.read_until("ready")
    supervisor.end(signal.SIGKILL)
    wait_until_gone(state)
    said_by_sam = (state / "logs" / "sam.log").read_bytes()
    run().read_until("a function runs")
    assert (state / "logs" / "sam.log").read_bytes() == said_by_sam


def test_nothing_is_left_of_sam_when_it_is_interrupted_at_work(tmp_path: Path, project: Path) -> None:
    supervisor = Supervisor(Profile.SEAWEEDFS, tmp_path, project)
    supervisor.read_until("sam build, sam deploy")
    while not any("/bin/sam" in line for line in map(_command, supervisor.children())):
        time.sleep(0.02)
    supervisor.end(signal.SIGINT)
    wait_until_gone(supervisor.state)


def test_state_is_held_by_one_stack_at_a_time(run: Callable[[], Supervisor]) -> None:
    first = run()
    first.read_until("starting the store")
    second = run()
    errors = second.process.communicate(timeout=20)[1]
    assert f"already running in {first.state}: pid {first.process.pid}" in errors
    first.end(signal.SIGINT)
    wait_until_gone(first.state)


def wait_until_gone(state: Path) -> None:
    deadline = time.monotonic() + 20
    while left := _processes_of(state):
        assert time.monotonic() < deadline, [_command(pid) for pid in left]
        time.sleep(0.1)


def _processes_of(state: Path) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                said = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue  # it has just ended
            if bytes(state) in said:
                found.add(int(entry.name))
    return found


def _command(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
