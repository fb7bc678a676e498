"""Room on our own disk for one restored backup, given back whatever happens."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fleetsave.model.errors import VerificationError

_PREFIX = f"fleetsave-verify-{os.getuid()}-"
"""Each account has its own: on a shared /tmp nobody can take another's lock."""

_LOCK = "lock"
_RESERVE = 16 << 20
"""Bytes of the disk that are left to others."""


@contextmanager
def private_folder(root: Path) -> Iterator[Path]:
    """Make a folder under `root` and remove it at the end.

    A killed run removes nothing, and Lambda keeps /tmp between runs: so folders that no living process holds go first.
    """
    with ExitStack() as held:
        with (root / f"{_PREFIX}door").open("ab") as door:
            fcntl.flock(door, fcntl.LOCK_EX)  # nobody sweeps between the making of a folder and the taking of its lock
            _sweep(root)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
            lock = held.enter_context((folder / _LOCK).open("wb"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        held.callback(shutil.rmtree, folder)
        yield folder


def require_room(folder: Path, size: int, target: str) -> None:
    """Raise VerificationError unless `size` bytes fit on the disk of `folder`."""
    free = max(shutil.disk_usage(folder).free - _RESERVE, 0)
    if size > free:
        raise VerificationError(
            "restore", target, f"it is too large: {size} bytes when unpacked, {free} bytes are free here",
            "Raise the template's parameter VerifyStorage and verify again.",
        )  # fmt: skip


def let_servers_in(folder: Path) -> None:
    """Let the account that a server of ours runs as pass through the folder, but not look into it: for root that is another."""
    if os.geteuid() == 0:
        folder.chmod(0o711)


def _sweep(root: Path) -> None:
    for folder in root.glob(f"{_PREFIX}*/"):
        try:
            with (folder / _LOCK).open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
        except (BlockingIOError, FileNotFoundError):
            continue  # held by a living run, or just removed by it
