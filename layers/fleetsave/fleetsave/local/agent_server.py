"""A real agent on the loopback address, with an authority of its own: a game server that is reached over HTTPS."""

import hashlib
import json
import secrets
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from fleetsave.local.certificates import write_certificates
from fleetsave.local.processes import ChildProcess, accepts_connections, free_port
from fleetsave.model.fleet_parts import Https
from fleetsave.sources.agent import agent


class AgentServer:
    """An agent with its certificate, tokens, configuration, staging and log, all under `directory`; it starts at once.

    `artifacts` are the configuration's databases, files, configuration, logs and full. What is found in the directory is used
    again: a second server in it, on the same port, is the first one restarted. Restores are allowed, with a token of their own,
    unless `restores` is False. Raise RuntimeError if the agent does not start.
    """

    def __init__(
        self,
        directory: Path,
        artifacts: Mapping[str, Any],
        *,
        port: int | None = None,
        limits: Mapping[str, Any] | None = None,
        restores: bool = True,
        python: str = sys.executable,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.staging = directory / "staging"
        self.log = directory / "agent.log"
        self.directory = directory
        self._python = python
        self.read_token, self.restore_token = _token(directory / "read.token"), _token(directory / "restore.token")
        authority = directory / "authority.pem"
        if not authority.exists():
            write_certificates(directory)
        self.authority = authority.read_text()
        self.configuration = directory / "agent.json"
        self.configure(artifacts, limits=limits, restores=restores)
        self.start()

    @property
    def pid(self) -> int:
        """Return the process id of the agent."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Tell whether the agent still runs."""
        return self._process.is_running

    def configure(
        self, artifacts: Mapping[str, Any], *, limits: Mapping[str, Any] | None = None, restores: bool = True
    ) -> None:  # fmt: skip
        """Write what the agent serves from its next start on."""
        values: dict[str, Any] = {
            "address": "127.0.0.1",
            "port": self.port,
            "certificate": str(self.directory / "server.pem"),
            "key": str(self.directory / "server.key"),
            "read_token_sha256": hashlib.sha256(self.read_token.encode()).hexdigest(),
            "staging": str(self.staging),
            "limits": {"requests_per_minute": 100_000, **(limits or {})},
            **artifacts,
        }
        if restores:
            values["restore_token_sha256"] = hashlib.sha256(self.restore_token.encode()).hexdigest()
        self.configuration.touch(mode=0o600)
        self.configuration.write_text(json.dumps(values, indent=2))

    def https_settings(self, token_secret: str = "agent-token") -> Https:  # noqa: S107 - the name of a secret, not the secret
        """Return the fleet file's `https` section for this server; `token_secret` names the secret that holds a token."""
        return Https(url=f"https://127.0.0.1:{self.port}", token_secret=token_secret, ca_certificate=self.authority)

    def restart(self) -> None:
        """End the agent and start it again, with the configuration as it is now."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """End the agent and what it has at work; stopping twice is no error."""
        self._process.stop()

    def kill(self) -> None:
        """Kill the agent at once, as a power cut would."""
        self._process.signal(signal.SIGKILL)
        self._process.stop()

    def start(self) -> None:
        """Start the agent, which is not running."""
        program = self.directory / "fleetsave_agent.py"
        program.write_text(agent())
        command = [self._python, "-I", str(program), str(self.configuration)]
        self._process = ChildProcess("agent", command, log=self.log)
        self._process.wait_until(lambda: accepts_connections(self.port))

    def __enter__(self) -> "AgentServer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()


def _token(path: Path) -> str:
    """Return a token, made now unless the file is there."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()
