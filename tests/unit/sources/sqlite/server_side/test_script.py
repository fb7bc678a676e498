"""The script that is sent to a server is whole, needs nothing there, and runs on every Python from 3.6 on."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fleetsave.sources.sqlite import server_side

SCRIPT = server_side.script().decode()


def test_it_imports_the_standard_library_alone() -> None:
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(SCRIPT))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "?"]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported
    assert imported <= sys.stdlib_module_names


def test_it_runs_on_python_3_6(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    vermin = Path(sys.executable).with_name("vermin")
    # Excluded: bytes that vermin takes for text.
    command = [str(vermin), "--target=3.6-", "--no-tips", "--exclude", "str.decode", str(tmp_path / "script.py")]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_it_holds_no_name_twice() -> None:
    names = [node.name for node in ast.parse(SCRIPT).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert sorted(names) == sorted(set(names))


def ask(request: bytes, *, python: str = sys.executable, message: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [python, "-I", "-c", server_side.BOOTSTRAP]
    given = message or server_side.message(request)
    return subprocess.run(command, check=False, input=given, capture_output=True, timeout=30)


def test_a_request_gives_one_line_of_json() -> None:
    finished = ask(b'{"operation": "probe"}')
    assert finished.stdout.count(b"\n") == 1
    reply = json.loads(finished.stdout)
    assert reply["fleetsave"] == 1
    assert reply["ok"]["python"].startswith("3.")


@pytest.mark.parametrize(
    ("request_line", "reason"),
    [
        (b'{"operation": "dance"}', "bad_request"),
        (b'{"operation": "find", "name": "../x"}', "bad_request"),
        (b'{"operation": "drop", "name": "A"}', "bad_request"),
        (b'{"operation": "snapshot", "name": "a", "path": "/nowhere/at/all"}', "missing"),
    ],
)
def test_an_error_is_a_reply_too(request_line: bytes, reason: str) -> None:
    finished = ask(request_line)
    assert finished.returncode == 0
    assert json.loads(finished.stdout)["error"] == reason


def test_it_ends_by_itself_when_it_hangs() -> None:
    hanging = server_side.script().replace(b"GRACE_SECONDS = 10", b"GRACE_SECONDS = 1").replace(
        b"reply = dict(", b"__import__('time').sleep(60); reply = dict("
    )  # fmt: skip
    request = json.dumps({"operation": "probe", "deadline": 0}).encode()
    finished = ask(request, message=b"%d\n%s%s\n" % (len(hanging), hanging, request))
    assert finished.returncode == -14
