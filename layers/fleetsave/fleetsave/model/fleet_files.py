"""The parts of the fleet file about folders: files, configuration and logs of a server, and everything of it at once."""

import posixpath
import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from fleetsave.model.fleet_parts import AbsolutePath, Duration, Identifier, Retention, Rpo, Strict
from fleetsave.model.kinds import Compression

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d{1,15})([KMGT]?)", re.ASCII)
_DEADLINE = timedelta(minutes=13)
"""An archive cannot be gone on with in another run, and a function has 15 minutes."""


def _read_size(value: object) -> int:
    match = _SIZE.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if match is None or not int(match[1]):
        raise ValueError("write a size as a number and a unit: 500K, 64M, 2G; without a unit it is bytes; and more than none")
    return int(match[1]) * _UNITS[match[2]]


def _check_folder(path: str) -> str:
    if path == "/" or path.startswith("//") or posixpath.normpath(path) != path:
        raise ValueError("write the path of a folder below / in its shortest form: without . and .. and a / at its end")
    return path


def _check_pattern(pattern: str) -> str:
    names = pattern.split("/")
    if "\0" in pattern or any(name in ("", ".", "..") for name in names):
        raise ValueError("write a pattern relative to the set's path, without /, . and .. at its ends or between: world/**/*.mca")
    return pattern


_SIZE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": r"^\d{1,15}[KMGT]?$", "examples": ["500K", "64M", "2G"]},
    ]
}
Size = Annotated[int, BeforeValidator(_read_size), WithJsonSchema(_SIZE_SCHEMA)]
Folder = Annotated[AbsolutePath, AfterValidator(_check_folder)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]


class FileSet(Strict):
    """A folder of files; configuration and logs are sets like any other."""

    name: Identifier = Field(default="files", description="artifact name; by default the name of the list it stands in")
    path: Folder = Field(description="absolute path of the folder on the server")
    include: list[Pattern] = Field(
        default=["**"], min_length=1,
        description="what is backed up, relative to path: * within a name, ** over folders; a folder means all in it",
    )  # fmt: skip
    exclude: list[Pattern] = Field(default_factory=list, description="what of it is not, in the same words")
    maximum_file_size: Size | None = Field(
        default=None, description="larger files are left out, each named in the manifest, and the backup is partial: 64M, 2G"
    )
    on_partial: Literal["warn", "fail"] = Field(
        default="warn",
        description="a capture with files that could not be read, or were rewritten meanwhile: kept with a warning, or refused",
    )
    links_out: bool = Field(
        default=False, description="restore symbolic links that lead out of the folder; else they are refused"
    )
    compression: Compression = Compression.ZSTD
    deadline: Duration = Field(default=_DEADLINE, description="longest time a capture may take")
    rpo: Rpo = None
    retention: Retention = Retention()


class ConfigurationSet(FileSet):
    """A folder of configuration."""

    name: Identifier = Field(default="configuration", description="artifact name")


class LogSet(FileSet):
    """A folder of logs, rotated ones by their pattern."""

    name: Identifier = Field(default="logs", description="artifact name")


class Full(Strict):
    """Everything of a server in one archive: its databases, files, configuration and logs."""

    name: Identifier = Field(default="full", description="artifact name")
    on_partial: Literal["warn", "fail"] = Field(
        default="warn", description="as for files; a configured database that cannot be captured always fails it"
    )
    compression: Compression = Compression.ZSTD
    deadline: Duration = Field(default=_DEADLINE, description="longest time a capture may take")
    rpo: Rpo = None
    retention: Retention = Retention()
