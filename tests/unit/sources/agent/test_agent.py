"""The agent is one file that is made of its parts, needs the standard library alone, and runs from Python 3.7 on."""

import ast
import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from fleetsave.sources.agent import PARTS, agent
from fleetsave.sources.files import server_side as files
from fleetsave.sources.sqlite import server_side as sqlite

ROOT = Path(__file__).parents[4]
COMMITTED = ROOT / "agent" / "fleetsave_agent.py"
TREE = ast.parse(agent())
DOOR_LINES = 1350


def test_the_committed_file_is_what_is_made_of_the_parts() -> None:
    assert COMMITTED.read_text() == agent(), "run python -m fleetsave.sources.agent > agent/fleetsave_agent.py"
    printed = subprocess.run([sys.executable, "-m", "fleetsave.sources.agent"], check=True, capture_output=True, text=True)
    assert printed.stdout == agent()


def test_it_imports_the_standard_library_alone() -> None:
    imported = {
        name.partition(".")[0]
        for node in ast.walk(TREE)
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


def test_it_runs_on_python_3_7() -> None:
    vermin = Path(sys.executable).with_name("vermin")
    # Excluded: bytes that vermin takes for text.
    command = [str(vermin), "--target=3.7-", "--no-tips", "--exclude", "str.decode", str(COMMITTED)]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_no_name_stands_twice_in_it() -> None:
    names: Counter[str] = Counter()
    for node in TREE.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[node.name] += 1
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
    assert names["run_agent"] == names["main"] == names["tree_main"] == 1
    assert [name for name, times in names.items() if times > 1] == []


def test_what_works_is_the_very_script_that_ssh_sends() -> None:
    _, _, work = agent().partition("# ======== part two")
    lines = {line for line in work.splitlines() if line}
    over_ssh = (sqlite.script() + b"\n" + files.script()).decode().splitlines()
    entries = {'if __name__ == "__main__":', "    main()", "    tree_main()"}
    assert [line for line in over_ssh if line and line not in lines | entries] == []


def test_the_door_stands_first_and_is_short_enough_to_be_read() -> None:
    door, _, _ = agent().partition("# ======== part two")
    assert re.findall(r"^# ---- (\w+) ----$", door, re.MULTILINE) == list(PARTS)
    assert all(f"- {part}: " in door for part in PARTS)
    assert len(door.splitlines()) < DOOR_LINES


def test_a_new_token_comes_with_the_digest_that_the_configuration_needs() -> None:
    printed = subprocess.run([sys.executable, "-I", str(COMMITTED), "--new-token"], check=True, capture_output=True, text=True)
    token, digest = (line.rpartition(" ")[2] for line in printed.stdout.splitlines())
    assert hashlib.sha256(token.encode()).hexdigest() == digest
    assert len(token) >= 43


def test_a_wrong_command_line_says_how_it_is_used() -> None:
    for arguments in ([], ["--help"], ["a.json", "b.json"], ["--check"]):
        ended = subprocess.run([sys.executable, "-I", str(COMMITTED), *arguments], check=False, capture_output=True, text=True)
        assert ended.returncode == 1
        assert ended.stderr.startswith("usage: ")


def test_each_script_answers_as_it_does_over_ssh() -> None:
    for script, request in (("--sqlite", {"operation": "probe"}), ("--files", {"operation": "dance", "deadline": 5})):
        asked = (json.dumps(request) + "\n").encode()
        ended = subprocess.run([sys.executable, "-I", str(COMMITTED), script], check=True, input=asked, capture_output=True)
        assert json.loads(ended.stdout)["fleetsave"] == 1
