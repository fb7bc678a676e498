"""One execution environment of a function: AWS's Runtime Interface Emulator (RIE) and the Python it runs.

The RIE takes one invocation at a time (a second one ends it), answers 200 for a failure too, and does not limit memory: the
pool gives each environment one call at a time, and this module does the rest.
"""

import http.client
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fleetsave.local.function_package import Package
from fleetsave.local.processes import accepts_connections, end_with_parent, free_port

_PATH = "/2015-03-31/functions/function/invocations"
_START_SECONDS = 30
_GRACE_SECONDS = 10
_STOP_SECONDS = 5
_CREDENTIALS_MARGIN = 60


@dataclass(frozen=True)
class Credentials:
    """A role's temporary credentials; `expires_at` in seconds since 1970."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: float


@dataclass(frozen=True)
class Reply:
    """What an invocation gave: its result as JSON, or its error. `is_reusable` tells whether the environment outlived it."""

    body: bytes
    is_error: bool
    is_reusable: bool


@dataclass(frozen=True)
class Machinery:
    """What every environment needs: the RIE's binary, the Python with awslambdaric, and how to start a child and read it.

    `spawner` runs in one thread that lives as long as the host: the kernel ends the children when it ends.
    """

    rie: Path
    python: Path
    spawner: Executor
    endpoint: str
    region: str
    follow: Callable[[str, str, IO[bytes]], None]


class Environment:
    """A started environment, made by `start_environment`; `invoke` must not be called twice at a time."""

    def __init__(
        self, package: Package, credentials: Credentials, process: subprocess.Popen[bytes], port: int, temporary: Path
    ) -> None:
        self._package = package
        self._credentials = credentials
        self._process = process
        self._port = port
        self._temporary = temporary

    @property
    def is_usable(self) -> bool:
        """Tell whether it runs, and its credentials last for a whole invocation more."""
        seconds_left = self._credentials.expires_at - time.time()
        return self._process.poll() is None and seconds_left > self._package.timeout + _CREDENTIALS_MARGIN

    def invoke(self, event: bytes) -> Reply:
        """Run the function once. Raise OSError or HTTPException if the environment broke under it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._package.timeout + _GRACE_SECONDS)
        try:
            connection.request("POST", _PATH, event, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return read_reply(answer.status, answer.read())
        finally:
            connection.close()

    def wait_until_listening(self) -> None:
        """Raise RuntimeError if the RIE ends, or does not listen in time."""
        deadline = time.monotonic() + _START_SECONDS
        while not accepts_connections(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no execution environment for {self._package.name}: see its log")
            time.sleep(0.01)
        if self._process.poll() is not None:
            raise RuntimeError(f"another program took the port of an execution environment for {self._package.name}")

    def begin_stop(self) -> None:
        """Tell the RIE to end, which ends its Python."""
        self._process.terminate()

    def stop(self) -> None:
        """End the RIE, and remove the temporary folder; stopping twice is no error."""
        self.begin_stop()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._temporary, ignore_errors=True)


def start_environment(package: Package, credentials: Credentials, machinery: Machinery) -> Environment:
    """Start an environment and wait until it takes invocations. Raise RuntimeError if it does not come up."""
    try:
        return _start(package, credentials, machinery)
    except RuntimeError:
        # Between choosing a port and listening on it another program may have taken it: once more, with other ports.
        return _start(package, credentials, machinery)


def _start(package: Package, credentials: Credentials, machinery: Machinery) -> Environment:
    temporary = Path(tempfile.mkdtemp(prefix="tmp-", dir=package.task.parent))
    # What a function starts as another account finds its own folder in it; a short name, for a Unix socket has 107 bytes.
    temporary.chmod(0o711)
    port = free_port()
    process = machinery.spawner.submit(
        subprocess.Popen[bytes],
        _command(package, machinery, port),
        cwd=package.task,
        env=function_variables(package, credentials, machinery, temporary),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=end_with_parent,
    ).result()
    if process.stdout is not None:
        machinery.follow(package.name, temporary.name, process.stdout)
    environment = Environment(package, credentials, process, port, temporary)
    try:
        environment.wait_until_listening()
    except BaseException:
        environment.stop()
        raise
    return environment


def read_reply(status: int, body: bytes) -> Reply:
    """Tell a result from a failure, which the RIE answers with status 200 as well.

    A handler's exception leaves the environment fit for more; a timeout or a dead Python does not.
    """
    if status != http.HTTPStatus.OK or body.startswith(b"Task timed out"):
        return Reply(body, is_error=True, is_reusable=False)
    try:
        result = json.loads(body or b"null")
    except ValueError:
        return Reply(body, is_error=False, is_reusable=True)
    raised = isinstance(result, dict) and {"errorType", "errorMessage"} <= result.keys()
    return Reply(body, is_error=raised, is_reusable=True)


def function_variables(
    package: Package, credentials: Credentials, machinery: Machinery, temporary: Path
) -> dict[str, str]:  # fmt: skip
    """Return the environment Lambda gives a function: its own variables, its role's credentials, and nothing of ours."""
    layers = package.layers
    return {
        "PATH": f"/usr/local/bin:/usr/bin:/bin:{layers}/bin",
        "LD_LIBRARY_PATH": f"{package.task}:{package.task}/lib:{layers}/lib",
        "PYTHONPATH": f"{package.task}:{layers}/python/lib/{package.runtime}/site-packages:{layers}/python",
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "HOME": str(temporary),
        "TMPDIR": str(temporary),
        "LAMBDA_TASK_ROOT": str(package.task),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{package.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": package.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(package.memory),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(package.timeout),
        "AWS_LAMBDA_LOG_FORMAT": package.log_format,
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{package.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": temporary.name,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_REGION": machinery.region,
        "AWS_DEFAULT_REGION": machinery.region,
        "AWS_ENDPOINT_URL": machinery.endpoint,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        **package.variables,
    }


def _command(package: Package, machinery: Machinery, port: int) -> list[str]:
    emulator = [str(machinery.rie), "--log-level", "warn"]
    addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}", "--runtime-api-address", f"127.0.0.1:{free_port()}"]
    # The limit is on data alone: Python maps more address space than it uses, and the RIE must not be limited at all.
    limit = ["prlimit", f"--data={package.memory << 20}"]
    return [*emulator, *addresses, *limit, str(machinery.python), "-m", "awslambdaric", package.handler]
