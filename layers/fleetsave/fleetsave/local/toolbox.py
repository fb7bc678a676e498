"""Tools that need an environment of their own: each is a venv under .local/tools, made once from its pinned requirements.

`python -m fleetsave.local.toolbox NAME...` makes the venvs of `requirements-NAME.txt` and prints where they are.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[4]
"""The project's own folder; the local stack only ever runs from a clone of it."""


def ensure(name: str, *, project: Path = PROJECT) -> Path:
    """Return the venv of a tool; make it anew if it is missing, half-made, or made from other requirements or another Python.

    Safe to call from several processes at once. Raise RuntimeError, with pip's last words, if it cannot be made.
    """
    requirements = project / f"requirements-{name}.txt"
    venv = project / ".local" / "tools" / name
    venv.parent.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    marker = venv / "made-from"
    with (venv.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (marker.exists() and marker.read_text() == wanted):
            shutil.rmtree(venv, ignore_errors=True)
            _run([sys.executable, "-m", "venv", "--without-pip", str(venv)], name)
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(venv / "bin" / "python")]
            _run([*pip, "install", "--quiet", "--requirement", str(requirements)], name)
            marker.write_text(wanted)
    return venv


def main(names: Sequence[str]) -> None:
    """Make the venv of each tool named, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        for venv in pool.map(ensure, names):
            print(venv)


def _run(command: Sequence[str], name: str) -> None:
    done = subprocess.run(list(command), capture_output=True, text=True, check=False)  # noqa: S603 - the commands are our own
    if done.returncode != 0:
        raise RuntimeError(
            f"cannot make the tool {name}: {' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
