"""The gate is one file that is made of its parts, needs the standard library alone, and runs from Python 3.7 on."""

import ast
import hashlib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from fleetsave.sources.files import server_side as files
from fleetsave.sources.gate import PARTS, SHARED_PARTS, gate
from fleetsave.sources.sqlite import server_side as sqlite

COMMITTED = Path(__file__).parents[4] / "agent" / "fleetsave_gate.py"
TREE = ast.parse(gate())
DOOR_LINES = 700


def test_the_committed_file_is_what_is_made_of_the_parts() -> None:
    assert COMMITTED.read_text() == gate(), "run python -m fleetsave.sources.gate > agent/fleetsave_gate.py"
    printed = subprocess.run([sys.executable, "-m", "fleetsave.sources.gate"], check=True, capture_output=True, text=True)
    assert printed.stdout == gate()


def test_it_imports_the_standard_library_alone() -> None:
    modules = [alias.name for node in ast.walk(TREE) if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or "?" for node in ast.walk(TREE) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in modules} <= sys.stdlib_module_names


def test_it_runs_on_python_3_7() -> None:
    vermin = Path(sys.executable).with_name("vermin")
    command = [str(vermin), "--target=3.7-", "--no-tips", "--exclude", "str.decode", str(COMMITTED)]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_no_name_stands_twice_in_it() -> None:
    names = Counter(node.name for node in TREE.body if isinstance(node, ast.FunctionDef | ast.ClassDef))
    for node in TREE.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
    assert names["run_gate"] == names["main"] == names["tree_main"] == 1
    assert [name for name, times in names.items() if times > 1] == []


def test_it_knows_the_scripts_that_are_sent_and_has_them_to_the_letter() -> None:
    assert hashlib.sha256(sqlite.script()).hexdigest() in gate()
    assert hashlib.sha256(files.script()).hexdigest() in gate()
    lines = set(gate().partition("# ======== part two")[2].splitlines())
    entries = {'if __name__ == "__main__":', "    main()", "    tree_main()"}
    sent = (sqlite.script() + b"\n" + files.script()).decode().splitlines()
    assert [line for line in sent if line and line not in lines | entries] == []


def test_what_judges_stands_first_and_is_short_enough_to_be_read() -> None:
    door, _, _ = gate().partition("# ======== part two")
    assert re.findall(r"^# ---- (\w+) ----$", door, re.MULTILINE) == [*SHARED_PARTS, *PARTS]
    assert len(door.splitlines()) < DOOR_LINES


def test_it_has_no_way_to_run_what_is_sent() -> None:
    door, _, _ = gate().partition("# ======== part two")
    called = [node.func for node in ast.walk(ast.parse(door)) if isinstance(node, ast.Call)]
    by_name = {function.id for function in called if isinstance(function, ast.Name)}
    by_module = {function.attr for function in called if isinstance(function, ast.Attribute)}
    assert not by_name & {"exec", "eval", "compile", "__import__", "getattr"}
    assert not by_module & {"system", "popen", "Popen", "run", "loads_unsafe", "import_module"}
    assert re.findall(r"os\.exec\w+\((.*?),", door) == ['"/bin/sh"', "program"]


def test_it_does_not_start_where_the_environment_could_bring_code_in() -> None:
    started = subprocess.run([sys.executable, str(COMMITTED), "read", "x"], check=False, capture_output=True, text=True)
    assert started.returncode == 1
    assert started.stderr.startswith("usage: python3 -I ")
