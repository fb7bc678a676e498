"""An environment gives a function what Lambda gives it, and tells results from failures."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fleetsave.local.function_environment import Credentials, Machinery, Reply, function_variables, read_reply, start_environment
from fleetsave.local.function_package import Package

PACKAGE = Package(
    name="fleetsave-collect",
    revision="r1",
    handler="app.handler",
    runtime="python3.11",
    role="arn:role",
    memory=256,
    timeout=9,
    log_format="JSON",
    variables={"FLEETSAVE_BUCKET": "bucket", "TZ": "CET"},
    task=Path("/state/code"),
    layers=Path("/state/layers"),
)
CREDENTIALS = Credentials("ASIA1", "secret", "token", expires_at=0)


def machinery(rie: str = "rie") -> Machinery:
    return Machinery(
        rie=Path(rie),
        python=Path("python"),
        spawner=ThreadPoolExecutor(1),
        endpoint="http://127.0.0.1:4566",
        region="us-east-1",
        follow=lambda _function, _stream, output: output.close(),
    )


@pytest.mark.parametrize(
    ("status", "body", "is_error", "is_reusable"),
    [
        (200, b'{"batchItemFailures": []}', False, True),
        (200, b"null", False, True),
        (200, b"", False, True),
        (200, b'"errorType and errorMessage"', False, True),
        (200, b'{"errorType": "ValueError"}', False, True),
        (200, b'{"errorType": "ValueError", "errorMessage": "no", "stackTrace": []}', True, True),
        (200, b"Task timed out after 5.00 seconds", True, False),
        (502, b'{"errorType": "Runtime.ExitError", "errorMessage": "exit status 3"}', True, False),
    ],
)
def test_failures_are_told_from_results(status: int, body: bytes, is_error: bool, is_reusable: bool) -> None:
    assert read_reply(status, body) == Reply(body, is_error=is_error, is_reusable=is_reusable)


def test_a_function_gets_its_role_its_limits_and_its_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "not the function's business")
    variables = function_variables(PACKAGE, CREDENTIALS, machinery(), Path("/state/tmp"))
    assert "OURS" not in variables
    assert variables["AWS_SESSION_TOKEN"] == "token"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert variables["TMPDIR"] == "/state/tmp"
    assert (variables["FLEETSAVE_BUCKET"], variables["TZ"]) == ("bucket", "CET")


def test_code_comes_before_layers_on_the_path() -> None:
    path = function_variables(PACKAGE, CREDENTIALS, machinery(), Path("/state/tmp"))["PYTHONPATH"]
    assert path.split(":") == ["/state/code", "/state/layers/python/lib/python3.11/site-packages", "/state/layers/python"]


def test_a_runtime_that_does_not_come_up_is_an_error_and_leaves_no_folder(tmp_path: Path) -> None:
    task = tmp_path / "code"
    task.mkdir()
    package = Package(**{**vars(PACKAGE), "task": task})
    with pytest.raises(RuntimeError, match="no execution environment for fleetsave-collect"):
        start_environment(package, CREDENTIALS, machinery("/bin/false"))
    assert list(tmp_path.iterdir()) == [task]
