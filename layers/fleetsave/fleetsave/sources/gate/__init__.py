"""The gate that stands before a key on a game server: one file, made of the parts here and of the script that is sent over SSH.

`python -m fleetsave.sources.gate` prints it; agent/fleetsave_gate.py is what it prints (docs/server-account.md). sshd runs it as
a forced command. It needs Python 3.7, imports the standard library alone, and runs no code that comes over the wire: what the
client sends is hashed, and if it is the script that stands in this file, that one is run.
"""

import hashlib
from functools import cache
from pathlib import Path

from fleetsave.sources import agent
from fleetsave.sources.files import server_side as files
from fleetsave.sources.sqlite import server_side as sqlite

SHARED_PARTS = ("settings", "fields")
PARTS = ("config", "requests", "reading", "main")

_TOP = '''#!/usr/bin/env python3
"""fleetsave's gate: lets a key for captures, or for restores, do just that on this server (docs/server-account.md).

What to read. Part one, the gate, is all that judges what a client asks for:

{map}

Part two are the scripts that fleetsave sends over SSH where there is no gate, to the letter: snapshots and restores of SQLite
databases, and archives of folders. They are run with requests that part one has allowed.

This file is made by `python -m fleetsave.sources.gate`; change it there.
"""
'''
_WORK = """

# ======== part two: what is sent over SSH where there is no gate ========

"""
_ENTRY = """

if __name__ == "__main__":
    run_gate(
        sys.argv[1:],
        {bootstrap!r},
        {{
            "{databases}": main,
            "{folders}": tree_main,
        }},
    )
"""


@cache
def gate() -> str:
    """Return the whole gate, as it is installed."""
    door, own = Path(agent.__file__).parent, Path(__file__).parent
    paths = [*(door / f"door_{part}.py" for part in SHARED_PARTS), *(own / f"gate_{part}.py" for part in PARTS)]
    entry = _ENTRY.format(
        bootstrap=sqlite.BOOTSTRAP,
        databases=hashlib.sha256(sqlite.script()).hexdigest(),
        folders=hashlib.sha256(files.script()).hexdigest(),
    )
    return agent.assembled(_TOP, paths, _WORK, entry)
