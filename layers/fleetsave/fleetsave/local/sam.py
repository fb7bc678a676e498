"""AWS SAM's own command line, pointed at the emulator and at nothing else."""

import os
import platform
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fleetsave.local.emulator import ADMIN_KEY, REGION
from fleetsave.local.processes import ChildProcess
from fleetsave.local.toolbox import ensure

_TAIL = 3000


@dataclass(frozen=True)
class Target:
    """What the functions of the local stack run on: this machine's processor, and the Python that runs fleetsave."""

    architecture: str
    python: str


def this_machine() -> Target:
    """Return the target this machine is."""
    architecture = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
    return Target(architecture, f"{sys.version_info.major}.{sys.version_info.minor}")


def run_sam(arguments: Sequence[str], *, project: Path, target: Target, endpoint: str, log: Path) -> None:
    """Run one `sam` command in the project's folder; its output goes to `log`.

    The user's own AWS settings are hidden from it, so that it can reach nothing but `endpoint`. If we are interrupted, it and
    what it started end too. Raise RuntimeError, with the end of its output, if it fails.
    """
    before = log.stat().st_size if log.exists() else 0
    command = [str(ensure("sam") / "bin" / "sam"), *arguments]
    environment = _environment(target, endpoint, log.parent)
    process = ChildProcess(f"sam {arguments[0]}", command, log=log, env=environment, cwd=project)
    try:
        while process.is_running:
            time.sleep(0.05)
    except BaseException:
        _end_group(process)
        raise
    if process.exit_code != 0:
        output = log.read_text(errors="replace")[before:][-_TAIL:]
        raise RuntimeError(f"sam {arguments[0]} ended with {process.exit_code} (log: {log}):\n{output}")


def _end_group(process: ChildProcess) -> None:
    """End sam and the make and pip it runs: they share its process group."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    process.stop()


def _environment(target: Target, endpoint: str, folder: Path) -> Mapping[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_", "PYTHON"))}
    return {
        **ours,
        # The layers' Makefiles call python3: the one whose pip we know.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '/usr/local/bin:/usr/bin:/bin')}",
        "BUILD_ARCH": target.architecture,
        "BUILD_PYTHON": target.python,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ADMIN_KEY,
        "AWS_SECRET_ACCESS_KEY": ADMIN_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",
        "__SAM_CLI_APP_DIR": str(folder / "sam"),
    }
