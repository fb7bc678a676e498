"""The agent that runs on a game server: one file, made of the door whose parts are here and of the script that is sent over SSH.

`python -m fleetsave.sources.agent` prints it; agent/fleetsave_agent.py is what it prints. The door needs Python 3.7, imports the
standard library alone, and touches no database itself: each piece of work is done by the script, in a process of its own.
"""

import ast
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from fleetsave.sources.files import server_side as files
from fleetsave.sources.sqlite import server_side as sqlite

PARTS = ("settings", "config", "client", "requests", "work", "names", "artifacts", "fields", "restores", "answers", "main")

_TOP = '''#!/usr/bin/env python3
"""fleetsave's agent: lets a game server's owner hand out backups over HTTPS (docs/agent.md).

What to read. Part one, the door, is all that the network meets, and is read in a quarter of an hour:

{map}

Part two are the scripts that fleetsave sends over SSH where there is no agent, to the letter: snapshots and restores of SQLite
databases (--sqlite), and archives of folders (--files). For each piece of work the door starts this file once more, with one of
the two, and asks it over its standard input: nothing of part two ever meets the network.

This file is made by `python -m fleetsave.sources.agent`; change it there.
"""
'''
_WORK = """

# ======== part two: what is sent over SSH, which is all that runs with --sqlite or --files ========

"""
_ENTRY = """

if __name__ == "__main__":
    if sys.argv[1:] == ["--sqlite"]:
        main()
    elif sys.argv[1:] == ["--files"]:
        tree_main()
    else:
        run_agent(sys.argv[1:])
"""


@cache
def agent() -> str:
    """Return the whole agent, as it is installed."""
    return assembled(_TOP, [Path(__file__).with_name(f"door_{part}.py") for part in PARTS], _WORK, _ENTRY)


def assembled(top: str, paths: Sequence[Path], before_work: str, entry: str) -> str:
    """Return one file of a door's parts, of the scripts that are sent over SSH, and of an entry; `top` has a `{map}`."""
    texts = {path.stem.partition("_")[2]: path.read_text("utf-8") for path in paths}
    map_of_parts = "\n".join(f"- {part}: {_purpose(text)}" for part, text in texts.items())
    door = [f"# ---- {part} ----\n\n{_without(text, own_imports=True)}" for part, text in texts.items()]
    of_files = (Path(files.__file__).with_name(f"{part}.py") for part in files.PARTS)
    scripts = (sqlite.script().decode(), sqlite.assemble(of_files).decode())
    work = "\n\n".join(_without(script, own_imports=False) for script in scripts)
    return top.format(map=map_of_parts) + "\n\n" + "\n\n\n".join(door) + before_work + work + entry


def _purpose(text: str) -> str:
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def _without(text: str, *, own_imports: bool) -> str:
    """Return a part without what it imports of the others, and without its own entry."""
    lines = text.splitlines()
    for node in reversed(ast.parse(text).body):
        is_own = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fleetsave.") and own_imports
        is_entry = isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        if is_own or is_entry:
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines).strip("\n") + "\n"
