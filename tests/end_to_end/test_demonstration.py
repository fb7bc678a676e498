"""`make run`, interrupted: nothing of it is left, neither process nor file."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_no_process_and_no_file(number: signal.Signals, tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "fleetsave.local.demonstration", "--report", str(tmp_path / "report.json")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as demonstration:
        assert demonstration.stdout is not None
        for line in demonstration.stdout:
            if "sam build" in line:
                break
        assert running_in(tmp_path), "servers and games run by now"
        demonstration.send_signal(number)
        rest = demonstration.stdout.read()
        assert demonstration.wait(60) == 130
    assert "everything is stopped" in rest
    deadline = time.monotonic() + 30
    while (left := running_in(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []
    assert [path.name for path in tmp_path.iterdir()] == []


def running_in(directory: Path) -> list[str]:
    """Return the command lines of all processes that name the directory, but for the demonstration itself."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # it ended meanwhile
            if str(directory) in words and "demonstration" not in words:
                found.append(words)
    return found
