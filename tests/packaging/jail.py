"""A root filesystem with as little in it as a function may count on, to run the built layer's programs in."""

import os
import platform
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

USER, GROUP = 993, 990
"""Whom Lambda runs functions as; nothing in the jail gives them a name."""

_GLIBC = ("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2")
_LOADERS = {"x86_64": "lib64/ld-linux-x86-64.so.2", "arm64": "lib/ld-linux-aarch64.so.1"}
_HERE = "arm64" if platform.machine() == "aarch64" else "x86_64"

ENTER = """
set -e
mount --bind "$JAIL" "$JAIL"
mount --bind "$LAYER" "$JAIL/opt"
mount -o remount,bind,ro "$JAIL/opt"
mount --bind /dev/null "$JAIL/dev/null"
mount -t tmpfs -o mode=700,uid="$OWNER",gid="$GROUP" tmpfs "$JAIL/tmp"
if [ -n "$DATA" ]; then
    mkdir -m 700 "$JAIL/tmp/data"
    cp -R "$DATA/." "$JAIL/tmp/data"
    chown -R "$OWNER:$GROUP" "$JAIL/tmp/data"
fi
mount -o remount,bind,ro "$JAIL"
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot --userspec="$OWNER:$GROUP" --groups= "$JAIL" "$@"
"""
"""Runs in namespaces of its own, which take mounts and processes along when they end."""


class Jail:
    """glibc and a shell, a layer at /opt, a private /tmp; read-only but for that, without /proc, /dev/shm, users, or time zones.

    The shell is this machine's, and so is the emulator that runs what is built for another processor. Making one needs root.
    """

    def __init__(self, folder: Path, layer: Path, architecture: str) -> None:
        self._folder = folder
        self._layer = layer
        folder.chmod(0o755)  # it is the user's root
        for name in ("lib", "lib64", "bin", "opt", "tmp", "dev"):
            (folder / name).mkdir()
        (folder / "dev" / "null").touch()
        shutil.copy("/bin/sh", folder / "bin" / "sh")
        _copy_glibc(folder, Path("/"), _HERE)
        self.runner: list[str] = []
        if architecture != _HERE:
            emulator = shutil.which("qemu-aarch64-static")
            assert emulator is not None, "qemu-user-static is missing: sh scripts/system-packages"
            shutil.copy(emulator, folder / "bin" / "emulator")
            _copy_glibc(folder / "arm64", Path("/usr/aarch64-linux-gnu"), architecture)
            self.runner = ["/bin/emulator", "-L", "/arm64"]

    def run(self, command: Sequence[str], *, text: str = "", with_template: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command as nobody in particular; `with_template` unpacks the layer's cluster into /tmp/data before."""
        data = self._folder / "data"
        if with_template and not data.exists():
            with tarfile.open(self._layer / "postgresql" / "share" / "template.tar.xz") as template:
                template.extractall(data, filter="data")
        told = {
            "JAIL": str(self._folder),
            "LAYER": str(self._layer),
            "OWNER": str(USER),
            "GROUP": str(GROUP),
            "DATA": str(data) if with_template else "",
        }
        apart = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
        return subprocess.run(
            [*apart, "sh", "-c", ENTER, "enter", *command],
            env={"PATH": os.environ["PATH"], **told}, input=text, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip


def _copy_glibc(folder: Path, system: Path, architecture: str) -> None:
    loader = _LOADERS[architecture]
    (folder / loader).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(system / loader, folder / loader)
    libraries = system / "lib" / f"{platform.machine()}-linux-gnu" if system == Path("/") else system / "lib"
    (folder / "lib").mkdir(exist_ok=True)
    for name in _GLIBC:
        shutil.copy(libraries / name, folder / "lib" / name)
