"""Tools that need an environment of their own: each is a folder under .local/tools, made once from its pinned requirements.

`python -m fleetsave.local.toolbox NAME...` makes the venvs of `requirements-NAME.txt` and prints where they are; the name
`postgres` stands for PostgreSQL's servers and the layer of its programs.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fleetsave.local import postgres_tools
from fleetsave.local.tool_folder import PROJECT, made_once, run

__all__ = ["PROJECT", "ensure", "main"]


def ensure(name: str, *, project: Path = PROJECT) -> Path:
    """Return the venv of a tool; make it anew if it is missing, half-made, or made from other requirements or another Python.

    Safe to call from several processes at once. Raise RuntimeError, with pip's last words, if it cannot be made.
    """
    requirements = project / f"requirements-{name}.txt"

    def make(venv: Path) -> None:
        run([sys.executable, "-m", "venv", "--without-pip", str(venv)], name)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(venv / "bin" / "python")]
        run([*pip, "install", "--quiet", "--requirement", str(requirements)], name)

    return made_once(name, requirements.read_bytes() + sys.version.encode(), make, project=project)


def main(names: Sequence[str]) -> None:
    """Make each tool named, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        for folders in pool.map(_make, names):
            print(*folders, sep="\n")


def _make(name: str) -> Sequence[Path]:
    return postgres_tools.ensure_all() if name == "postgres" else [ensure(name)]


if __name__ == "__main__":
    main(sys.argv[1:])
