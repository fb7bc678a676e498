"""Code and layers are unpacked as they were packed."""

import http.server
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetsave.local.function_package import fetch


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, text in files.items():
            member = zipfile.ZipInfo(name.replace("__", "/"))
            member.external_attr = (0o100755 if "bin" in name else 0o100644) << 16
            target.writestr(member, text)
    return buffer.getvalue()


ARCHIVES = {
    "/code": archive(app="handler"),
    "/layer:1": archive(bin__tool="#!/bin/sh", python__shared="first"),
    "/layer:2": archive(python__shared="second"),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(ARCHIVES[self.path])

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


class FakeLambda:
    """A Lambda client whose archives a real server serves."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.layers_fetched = 0

    def get_function(self, *, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        return {
            "Configuration": {
                "FunctionName": FunctionName,
                "RevisionId": "r7",
                "Handler": "app.handler",
                "Runtime": "python3.11",
                "Role": "arn:role",
                "MemorySize": 512,
                "Timeout": 30,
                "Layers": [{"Arn": "layer:1"}, {"Arn": "layer:2"}],
            },
            "Code": {"Location": f"{self._address}/code"},
        }

    def get_layer_version_by_arn(self, *, Arn: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        self.layers_fetched += 1
        return {"Content": {"Location": f"{self._address}/{Arn}"}}


@pytest.fixture
def client() -> Iterator[FakeLambda]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield FakeLambda(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_later_layers_lie_over_earlier_ones_and_programs_stay_executable(client: FakeLambda, tmp_path: Path) -> None:
    package = fetch(client, "collect", tmp_path)
    assert (package.task / "app").read_text() == "handler"
    assert (package.layers / "python" / "shared").read_text() == "second"
    assert (package.layers / "bin" / "tool").stat().st_mode & 0o777 == 0o755
    assert (package.revision, package.memory, package.timeout, package.log_format) == ("r7", 512, 30, "Text")


def test_functions_with_the_same_layers_share_them(client: FakeLambda, tmp_path: Path) -> None:
    first, second = fetch(client, "collect", tmp_path), fetch(client, "verify", tmp_path)
    assert first.layers == second.layers
    assert client.layers_fetched == 2
    first.remove()
    assert not first.task.exists()
    assert second.task.exists()
    assert second.layers.exists()
