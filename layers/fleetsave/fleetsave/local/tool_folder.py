"""Folders of tools under .local/tools: made once, by one process at a time, and anew when what they are made from changes."""

import fcntl
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[4]
"""The project's own folder; the local stack only ever runs from a clone of it."""


def made_once(name: str, made_from: bytes, make: Callable[[Path], None], *, project: Path) -> Path:
    """Return the folder of a tool; `make` fills it if it is missing, half-made, or made from something else than `made_from`.

    Safe to call from several processes at once. What `make` raises leaves the folder half-made.
    """
    folder = project / ".local" / "tools" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    wanted = sha256(made_from).hexdigest()
    marker = folder / "made-from"
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (marker.exists() and marker.read_text() == wanted):
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            marker.write_text(wanted)
    return folder


def run(command: Sequence[str], name: str, *, env: Mapping[str, str] | None = None) -> None:
    """Run a command that makes a tool. Raise RuntimeError, with the command's last words, if it fails."""
    done = subprocess.run(  # noqa: S603 - the commands are our own
        list(command), env=None if env is None else dict(env), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"cannot make the tool {name}: {' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}"
        )
