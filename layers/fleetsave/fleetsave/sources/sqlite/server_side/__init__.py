"""What runs on the game server: a snapshot of a live SQLite database, or its restore, always through SQLite.

Nothing is installed there. These files make one script, sent over standard input to the server's own Python, 3.6 or
later: they import the standard library and one another alone, and annotations of a later form are text. After the script
comes one line of JSON, the request; each reply is one line of JSON: {"fleetsave": 1, "ok": ...} or
{"fleetsave": 1, "error": reason, "cause": text}. Paths travel as UTF-8 with surrogate escapes: every file name survives.

POSIX drops all of a process's locks on a file when the process closes any descriptor of it. While a transaction is open
here, the database and its -shm are therefore never opened and closed beside SQLite.
"""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PARTS = (
    *("ground", "content", "private", "staging", "snapshot", "hold"),
    *("target", "processes", "workplace", "soundness", "survey", "delivery", "in_place", "exchange", "swap", "proof", "recovery"),
    "main",
)
BOOTSTRAP = 'import sys;b=sys.stdin.buffer;exec(compile(b.read(int(b.readline())),"fleetsave","exec"))'
"""What the server's Python is started with; it reads the length of the script, the script, and runs it."""


@cache
def script() -> bytes:
    """Return the whole script: the parts in order."""
    return assemble(Path(__file__).with_name(f"{part}.py") for part in PARTS)


def message(request: bytes) -> bytes:
    """Return what is sent to the bootstrap to have this script do what a request asks."""
    return packed(script(), request)


def assemble(files: Iterable[Path]) -> bytes:
    """Return one script of many files, in their order, each without its imports of the others."""
    return "\n".join(_without_own_imports(file.read_text("utf-8")) for file in files).encode()


def packed(text: bytes, request: bytes) -> bytes:
    """Return what the bootstrap reads: the script's length, the script, and the request's line."""
    return b"%d\n%s%s\n" % (len(text), text, request)


def _without_own_imports(text: str) -> str:
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fleetsave."):
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    return "\n".join(lines)
