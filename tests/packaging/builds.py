"""The two builds that are tested: what goes to AWS by default, and the same for the Python that runs the tests.

`python -m tests.packaging.builds` makes both, for `make build`.
"""

import fcntl
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fleetsave.local.sam import this_machine
from fleetsave.local.toolbox import ensure

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Flavour:
    """What a build is for, and the folders below .aws-sam it is made in: SAM's cache cannot tell one flavour from another."""

    architecture: str
    python: str
    folder: str
    cache: str

    @property
    def path(self) -> Path:
        """Return the folder of what was built, one folder for each function and layer."""
        return PROJECT / ".aws-sam" / self.folder


FOR_AWS = Flavour("arm64", "3.13", "build", "cache")
_HERE = this_machine()
FOR_THIS_PYTHON = Flavour(
    _HERE.architecture,
    _HERE.python,
    f"import-{_HERE.architecture}-{_HERE.python}",
    f"import-{_HERE.architecture}-{_HERE.python}-cache",
)


@cache
def built(flavour: Flavour) -> Path:
    """Return the folder of a build that is up to date; safe to call from several processes at once."""
    top = PROJECT / ".aws-sam"
    top.mkdir(exist_ok=True)
    command = [str(ensure("sam") / "bin" / "sam"), "build"]
    command += ["--build-dir", str(flavour.path), "--cached", "--cache-dir", str(top / flavour.cache)]
    if flavour is not FOR_AWS:
        command += ["--parameter-overrides", f"Architecture={flavour.architecture} PythonRuntime=python{flavour.python}"]
    with (top / f"{flavour.folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(command, cwd=PROJECT, env=_environment(flavour), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return flavour.path


def _environment(flavour: Flavour) -> dict[str, str]:
    """Nothing of AWS: a build needs neither credentials nor a region. What goes to AWS is built by the Makefiles' defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BUILD_", "PYTHON"))}
    chosen = {} if flavour is FOR_AWS else {"BUILD_ARCH": flavour.architecture, "BUILD_PYTHON": flavour.python}
    # The layers' Makefiles call python3: the one whose pip we know.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**kept, **chosen, "PATH": path, "SAM_CLI_TELEMETRY": "0"}


if __name__ == "__main__":
    for wanted in (FOR_AWS, FOR_THIS_PYTHON):
        print(f"built for {wanted.architecture}, Python {wanted.python}: {built(wanted)}")
