"""PostgreSQL's programs as the layer holds them, and what a child process of ours gets to know: nothing it does not need."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import fleetsave
from fleetsave.model.errors import ConfigurationError
from fleetsave.postgres.session import SETTINGS

MAJOR = 18
"""Major version of the programs in the layer; pg_dump reads servers of its own version and older ones, never newer ones."""

_BESIDE_CODE = Path(fleetsave.__file__).parents[2] / "postgresql"
"""Where layers put it: /opt/postgresql beside /opt/python/fleetsave."""


@dataclass(frozen=True)
class Programs:
    """The folder that holds `bin`, `lib` and `share` of one PostgreSQL."""

    folder: Path

    def path(self, name: str) -> str:
        """Return the path of a program. Raise ConfigurationError if it is not there."""
        program = self.folder / "bin" / name
        if not program.is_file():
            raise ConfigurationError(
                "run", name, f"there is no {program}",
                "Attach the layer PostgresLayer to this function, or name the folder in FLEETSAVE_POSTGRESQL_PROGRAMS.",
            )  # fmt: skip
        return str(program)

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return a child's whole environment: made from nothing, so that neither AWS credentials nor our own settings get in.

        Values are written the same way whatever the machine is set to: a dump that is compared must not depend on it.
        """
        return {
            "PATH": "/usr/bin:/bin",
            # Lambda's own variable of this name begins with /lib64 and would win over what the programs were built with.
            "LD_LIBRARY_PATH": str(self.folder / "lib"),
            "LC_ALL": "C",
            "PGTZ": SETTINGS["TimeZone"],
            "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in SETTINGS.items()),
            **(more or {}),
        }


def find_programs(folder: str | None) -> Programs:
    """Return the programs in a folder, by default those that the layer puts beside fleetsave's own code."""
    return Programs(Path(folder) if folder else _BESIDE_CODE)
