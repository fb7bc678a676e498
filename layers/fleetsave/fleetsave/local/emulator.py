"""MiniStack, the emulator of AWS's glue: CloudFormation, Lambda's control plane, SQS, EventBridge, Scheduler, IAM and more.

It listens on the loopback address only, checks signatures and enforces every IAM policy (AUTH=true).
"""

import signal
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from fleetsave.local.processes import ChildProcess
from fleetsave.local.toolbox import ensure

REGION = "us-east-1"
ADMIN_KEY = "test"
"""Access key id and secret of the emulator's root user, which no policy binds."""

_LAUNCHER = Path(__file__).with_name("emulator_launch.py")


class Emulator:
    """One MiniStack on one port, with its state in one directory.

    Everything but `start` and `stop` needs it running. `functions_url` is the function host, which must run before it: queues
    kept from before are delivered at once.
    """

    def __init__(self, *, port: int, state: Path, functions_url: str, log: Path, keeps_state: bool = False) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self._port = port
        self._state = state
        self._functions_url = functions_url
        self._log = log
        self._keeps_state = keeps_state
        self._process: ChildProcess | None = None
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start it and wait until it answers. Raise RuntimeError, with the end of its log, if it does not."""
        self._state.mkdir(parents=True, exist_ok=True)
        python = ensure("ministack") / "bin" / "python"
        self._process = ChildProcess(
            "the AWS emulator", [str(python), str(_LAUNCHER)], log=self._log, env=self._environment(), cwd=self._state
        )
        self._process.wait_until(self._answers, timeout=60)

    def begin_stop(self) -> None:
        """Tell it to end; it does so once the functions it has called have answered."""
        if self._process is not None:
            self._process.signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it, after it has saved its state; stopping twice is no error."""
        if self._process is not None:
            self._process.stop()

    @property
    def is_running(self) -> bool:
        """Tell whether its process runs."""
        return self._process is not None and self._process.is_running

    def client(self, service: str) -> Any:
        """Return the boto3 client of a service, as the root user; it may be used from several threads."""
        with self._lock:
            if service not in self._clients:
                session: Any = boto3.session.Session(
                    aws_access_key_id=ADMIN_KEY, aws_secret_access_key=ADMIN_KEY, region_name=REGION
                )  # fmt: skip
                # An invocation that was lost must be seen to be lost, not run a second time.
                attempts = 1 if service == "lambda" else 3
                config = Config(retries={"mode": "standard", "total_max_attempts": attempts}, read_timeout=930)
                self._clients[service] = session.client(service, endpoint_url=self.endpoint, config=config)
            return self._clients[service]

    def put_secret(self, name: str, text: str) -> None:
        """Keep a secret in Secrets Manager, in place of what was there."""
        secrets = self.client("secretsmanager")
        try:
            secrets.create_secret(Name=name, SecretString=text)
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=name, SecretString=text)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/ready", timeout=1) as reply:  # noqa: S310 - our own http address
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _environment(self) -> dict[str, str]:
        persist = "1" if self._keeps_state else "0"
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._state),
            "LANG": "C.UTF-8",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "GATEWAY_PORT": str(self._port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AUTH": "true",
            "PERSIST_STATE": persist,
            "STATE_DIR": str(self._state / "services"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._state / "s3"),
            "FLEETSAVE_FUNCTION_HOST": self._functions_url,
        }
