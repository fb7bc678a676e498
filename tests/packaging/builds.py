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

from fleetsave.local.deployment import build_folder, source_digest
from fleetsave.local.sam import this_machine
from fleetsave.local.toolbox import ensure

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Flavour:
    """What a build is for, and the folder it is made in.

    SAM's cache cannot tell one flavour from another, and the list of what is in it, build.toml, lies beside the build folder.
    """

    architecture: str
    python: str
    folder: Path

    @property
    def path(self) -> Path:
        """Return the folder of what was built, one folder for each function and layer."""
        return self.folder / "build"

    @property
    def marker(self) -> Path:
        """Return the file that says which sources were built."""
        return self.folder / "built-from"

    def is_built_from(self, source: str) -> bool:
        """Tell whether what is built is of this flavour, and of these sources."""
        mark = self.path / "DependenciesLayer" / "python" / "built_for"
        right_flavour = mark.exists() and mark.read_text().split() == [self.architecture, self.python]
        return right_flavour and self.marker.exists() and self.marker.read_text() == source


FOR_AWS = Flavour("arm64", "3.13", PROJECT / ".aws-sam")
_HERE = this_machine()
FOR_THIS_PYTHON = Flavour(_HERE.architecture, _HERE.python, build_folder(PROJECT))
"""The very build that a local stack deploys: the same folder, lock and marker, so that whoever comes first builds for both."""


@cache
def built(flavour: Flavour) -> Path:
    """Return the folder of a build that is up to date; safe to call from several processes at once.

    Nothing is built twice from the same sources: `sam build` empties the folder first, and another process may be reading it.
    """
    flavour.folder.mkdir(parents=True, exist_ok=True)
    source = source_digest(PROJECT)
    with (flavour.folder / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not flavour.is_built_from(source):
            flavour.marker.unlink(missing_ok=True)
            _build(flavour)
            flavour.marker.write_text(source)
    return flavour.path


def _build(flavour: Flavour) -> None:
    command = [str(ensure("sam") / "bin" / "sam"), "build"]
    command += ["--build-dir", str(flavour.path), "--cached", "--cache-dir", str(flavour.folder / "cache")]
    if flavour is not FOR_AWS:
        command += ["--parameter-overrides", f"Architecture={flavour.architecture} PythonRuntime=python{flavour.python}"]
    done = subprocess.run(command, cwd=PROJECT, env=_environment(flavour), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")


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
