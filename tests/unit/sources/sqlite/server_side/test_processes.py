"""Whoever has a database open is named, by its open files or by its locks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fleetsave.local.game import create
from fleetsave.sources.sqlite.server_side.processes import users_of

IDLE = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM accounts').fetchall(); {}"
LOCKS = "import fcntl, os, sys; f = os.open(sys.argv[1], os.O_RDWR); fcntl.lockf(f, {}, 10, {}); {}"
WAIT = "print(flush=True); sys.stdin.read()"


@contextmanager
def holding(code: str, path: Path) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_nobody_is_named_where_nobody_is(tmp_path: Path) -> None:
    create(tmp_path / "a.db", "wal")
    assert users_of([os.fsencode(tmp_path / "a.db"), b"/nowhere/a.db"]) == []


def test_a_program_that_only_has_it_open_is_named(tmp_path: Path) -> None:
    create(tmp_path / "a.db", "delete")
    with holding(IDLE.format(WAIT), tmp_path / "a.db") as pid:
        (named,) = users_of([os.fsencode(tmp_path / "a.db")])
        assert named.startswith(f"pid {pid} (python")


def test_we_are_not_named_ourselves(tmp_path: Path) -> None:
    create(tmp_path / "a.db", "delete")
    with (tmp_path / "a.db").open("rb"):
        assert users_of([os.fsencode(tmp_path / "a.db")]) == []


def test_every_holder_of_a_lock_is_named_even_where_its_files_are_hidden(open_folder: Path) -> None:
    path = open_folder / "a.db"
    create(path, "delete")
    with (
        holding(LOCKS.format("fcntl.LOCK_EX", 1000, WAIT), path) as first,
        holding(LOCKS.format("fcntl.LOCK_SH", 2000, WAIT), path) as second,
    ):
        # A user of another name sees no open files, and all locks.
        code = "import sys; exec(sys.stdin.read()); print(users_of([sys.argv[1].encode()]))"
        source = Path(sys.modules[users_of.__module__].__file__ or "").read_text()
        path.chmod(0o644)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", code, str(path)]
        seen = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    assert f"pid {first} " in seen
    assert f"pid {second} " in seen
