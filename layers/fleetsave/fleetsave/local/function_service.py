"""Starting the function host as a process of its own."""

import sys
from pathlib import Path

from fleetsave.local.emulator import ADMIN_KEY, REGION
from fleetsave.local.processes import ChildProcess, accepts_connections
from fleetsave.local.sam import this_machine
from fleetsave.local.toolbox import ensure


class FunctionService:
    """The function host on one port, with unpacked code in `folder`; what each function prints is in `logs`/{its name}.log."""

    def __init__(self, *, port: int, emulator: str, folder: Path, logs: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._emulator = emulator
        self._folder = folder
        self._logs = logs
        self._process: ChildProcess | None = None

    def start(self) -> None:
        """Start it and wait until it listens; it needs the emulator only when a function is called. Raise RuntimeError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        options = {
            "--port": str(self._port),
            "--emulator": self._emulator,
            "--folder": str(self._folder),
            "--logs": str(self._logs),
            "--rie": str(_runtime_interface_emulator()),
            "--python": str(ensure("lambda") / "bin" / "python"),
        }
        command = [sys.executable, "-m", "fleetsave.local.function_host", *(word for pair in options.items() for word in pair)]
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": ADMIN_KEY,
            "AWS_SECRET_ACCESS_KEY": ADMIN_KEY,
            "AWS_DEFAULT_REGION": REGION,
        }
        self._process = ChildProcess(
            "the function host", command, log=self._logs / "function-host.log", env=environment, cwd=self._folder
        )
        self._process.wait_until(lambda: accepts_connections(self._port))

    def stop(self) -> None:
        """End it and every function it runs; stopping twice is no error."""
        if self._process is not None:
            self._process.stop()


def _runtime_interface_emulator() -> Path:
    """Return AWS's RIE for this machine, which comes inside the aws-sam-cli wheel."""
    name = f"aws-lambda-rie-{this_machine().architecture}"
    return next((ensure("sam") / "lib").glob(f"python*/site-packages/samcli/local/rapid/{name}"))
