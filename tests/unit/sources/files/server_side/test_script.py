"""The script that archives folders is whole, needs nothing there, runs on Python 3.6, and no other part has its names."""

import ast
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from fleetsave.sources.files import server_side
from fleetsave.sources.sqlite import server_side as sqlite_server_side

SCRIPT = server_side.script().decode()


def names_in(text: str) -> list[str]:
    """Return what a script defines at its top: functions, classes and constants."""
    found: list[str] = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        if isinstance(node, ast.Assign):
            found += [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return found


def test_it_imports_the_standard_library_alone() -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(SCRIPT)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "?").partition(".")[0])
    assert imported
    assert imported <= sys.stdlib_module_names


def test_it_runs_on_python_3_6(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    vermin = Path(sys.executable).with_name("vermin")
    command = [str(vermin), "--target=3.6-", "--no-tips", "--exclude", "str.decode", str(tmp_path / "script.py")]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_no_two_parts_of_either_package_share_a_name() -> None:
    folders = [Path(folder) for module in (server_side, sqlite_server_side) for folder in module.__path__]
    texts = [file.read_text() for folder in folders for file in folder.glob("*.py") if file.name != "__init__.py"]
    names = sorted(name for text in texts for name in names_in(text))
    assert [name for name, following in pairwise(names) if name == following] == []


def ask(request: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-I", "-c", sqlite_server_side.BOOTSTRAP]
    return subprocess.run(command, check=False, input=server_side.message(request), capture_output=True, timeout=30)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"operation": "dance"}, "bad_request"),
        ({"operation": "archive", "trees": [{"path": "/nowhere/at/all"}]}, "missing"),
        ({"operation": "archive", "trees": [{"path": "/etc/passwd"}]}, "not_a_folder"),
    ],
)
def test_a_refusal_is_one_line(values: dict[str, object], reason: str) -> None:
    trees = [{"member": "files/a", "include": ["**"], "exclude": [], **tree} for tree in values.pop("trees", [])]  # type: ignore[attr-defined]  # a list of trees, as the request has it
    request = {"name": "a", "deadline": 5, "databases": [], "trees": trees, **values}
    finished = ask(json.dumps(request).encode())
    assert finished.returncode == 0
    assert finished.stdout.count(b"\n") == 1
    assert json.loads(finished.stdout)["error"] == reason


def test_it_ends_when_nobody_reads(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        for _ in range(8):
            file.write(bytes(range(256)) * 4096)
    tree = {"member": "files/a", "path": str(tmp_path), "include": ["**"], "exclude": []}
    request = json.dumps({"operation": "archive", "name": "a", "deadline": 60, "databases": [], "trees": [tree]}).encode()
    command = [sys.executable, "-I", "-c", sqlite_server_side.BOOTSTRAP]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(server_side.message(request))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["ok"] == {"stream": True}
        process.stdout.close()
        assert process.wait(timeout=20) == 1
        assert process.stderr.read() == b""
