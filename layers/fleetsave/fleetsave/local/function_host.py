"""The function host: a process that runs every deployed function in AWS's Runtime Interface Emulator.

The emulator sends it each invocation as `POST /{function name}`; it answers 200 with the result, or 500 with the error. Run as
`python -m fleetsave.local.function_host --port P --emulator URL --folder DIR --logs DIR --rie FILE --python FILE`, with the
emulator's root key in the environment.
"""

import argparse
import http.server
import os
import re
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from fleetsave.local.function_environment import Credentials, Environment, Machinery, Reply, start_environment
from fleetsave.local.function_output import FunctionOutput
from fleetsave.local.function_package import Package, fetch
from fleetsave.local.function_pool import FunctionPool

_SESSION_SECONDS = 3600
_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class FunctionHost:
    """Runs functions by name, each in the revision that is deployed when it is called."""

    def __init__(self, folder: Path, machinery: Machinery, *, functions: Any, sessions: Any) -> None:
        """`functions` is a Lambda client, `sessions` an STS client."""
        self._folder = folder
        self._machinery = machinery
        self._functions = functions
        self._sessions = sessions
        self._pools: dict[str, FunctionPool] = {}
        self._lock = threading.Lock()

    def invoke(self, name: str, event: bytes) -> Reply:
        """Run a function once. Raise botocore's errors if it cannot be fetched, RuntimeError if no environment starts."""
        return self._pool(name).invoke(event)

    def stop(self) -> None:
        """Stop every environment."""
        with self._lock:
            for pool in self._pools.values():
                pool.stop()

    def _pool(self, name: str) -> FunctionPool:
        revision = self._functions.get_function_configuration(FunctionName=name)["RevisionId"]
        with self._lock:
            pool = self._pools.get(name)
            if pool is None or pool.package.revision != revision:
                self._pools[name] = FunctionPool(fetch(self._functions, name, self._folder), self._start)
                if pool is not None:
                    pool.retire()
            return self._pools[name]

    def _start(self, package: Package) -> Environment:
        session = self._sessions.assume_role(
            RoleArn=package.role, RoleSessionName=package.name, DurationSeconds=_SESSION_SECONDS
        )["Credentials"]  # fmt: skip
        credentials = Credentials(
            session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"], session["Expiration"].timestamp()
        )  # fmt: skip
        return start_environment(package, credentials, self._machinery)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, host: FunctionHost, *rest: Any) -> None:
        self._host = host
        super().__init__(*rest)

    def do_POST(self) -> None:
        name = self.path.removeprefix("/")
        event = self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self._run(name, event)
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError as error:
            self.log_error("nobody waited for the reply of %s: %s", name, error)

    def _run(self, name: str, event: bytes) -> tuple[int, bytes]:
        if not _FUNCTION_NAME.fullmatch(name):
            return 404, b"no such function"
        try:
            reply = self._host.invoke(name, event)
        except (ClientError, BotoCoreError, RuntimeError, OSError) as error:
            self.log_error("cannot run %s: %r", name, error)
            return 500, repr(error).encode()
        return (500 if reply.is_error else 200), reply.body

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the functions' own logs tell."""


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    block_on_close = False


def main(arguments: list[str]) -> None:
    """Run the host until SIGTERM or SIGINT; then stop every environment."""
    parser = argparse.ArgumentParser(prog="fleetsave.local.function_host")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--emulator", required=True)
    for name in ("--folder", "--logs", "--rie", "--python"):
        parser.add_argument(name, type=Path, required=True)
    given = parser.parse_args(arguments)

    region = os.environ["AWS_DEFAULT_REGION"]
    logs, metrics, functions, sessions = (
        _client(service, given.emulator) for service in ("logs", "cloudwatch", "lambda", "sts")
    )  # fmt: skip
    output = FunctionOutput(given.logs, logs, metrics)
    spawner = ThreadPoolExecutor(1, thread_name_prefix="spawner")
    machinery = Machinery(given.rie, given.python, spawner, given.emulator, region, output.follow)
    host = FunctionHost(given.folder, machinery, functions=functions, sessions=sessions)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        with _Server(("127.0.0.1", given.port), partial(_Handler, host)) as server:
            server.serve_forever()
    finally:
        host.stop()


def _client(service: str, endpoint: str) -> Any:
    make: Any = boto3.client
    return make(service, endpoint_url=endpoint)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
