"""What a key may be used for: the gate's configuration, which none but root may have written."""

import fnmatch
import os
import stat
from typing import Any

from fleetsave.sources.agent.door_settings import (
    REQUIRED,
    ConfigurationRefusedError,
    are_checks,
    are_patterns,
    checked,
    is_flag,
    is_list,
    is_object,
    is_path,
    is_seconds,
    is_string,
    read_settings,
    require_file,
)


def _are_paths(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_plain_path, value))


def _are_commands(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_string, value))


def is_plain_path(value: Any) -> bool:
    """Tell whether it is an absolute path whose names all stand for themselves: none is empty, `.` or `..`."""
    return is_path(value) and not any(name in ("", ".", "..") for name in value.split("/")[1:])


PLAIN = "an absolute path without //, . and .. in it"
GATE = {
    "staging": (REQUIRED, is_plain_path, PLAIN),
    "databases": ([], is_list, "a list"),
    "folders": ([], is_list, "a list"),
    "restores": ({}, is_object, "an object"),
}  # type: dict[str, tuple[Any, Any, str]]

GATE_DATABASE = {
    "path": (REQUIRED, is_plain_path, PLAIN),
    "literal": (False, is_flag, "true or false"),
    "checks": ({}, are_checks, "an object of names and SQL"),
    "deadline": (900, is_seconds, "seconds, at most a day"),
    "lock_limit": (60, is_seconds, "seconds, at most a day"),
    "restore": (False, is_flag, "true or false"),
}  # type: dict[str, tuple[Any, Any, str]]

GATE_FOLDER = {
    "path": (REQUIRED, is_plain_path, PLAIN),
    "literal": (False, is_flag, "true or false"),
    "exclude": ([], are_patterns, "a list of patterns without /, . and .. at their ends"),
    "deadline": (900, is_seconds, "seconds, at most a day"),
    "restore": (False, is_flag, "true or false"),
    "links_out": (False, is_flag, "true or false"),
}  # type: dict[str, tuple[Any, Any, str]]

GATE_RESTORES = {
    "new_in": ([], _are_paths, "a list of paths"),
    "commands": ([], _are_commands, "a list of commands, each as the fleet file has it"),
    "deadline": (3600, is_seconds, "seconds, at most a day"),
}  # type: dict[str, tuple[Any, Any, str]]


class GateConfiguration:
    """What the server's owner allows. Raise ConfigurationRefusedError for a file that others may write, or anything odd in it."""

    def __init__(self, path: str) -> None:
        require_file(path, private=False)
        status = os.stat(path)
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid()):
            raise ConfigurationRefusedError(f"{path} may be written by others: chown it to root, and chmod 644")
        values = checked(GATE, read_settings(path), "")
        self.staging = values["staging"]  # type: str
        self.databases = [checked(GATE_DATABASE, one, "databases.") for one in values["databases"]]
        self.folders = [checked(GATE_FOLDER, one, "folders.") for one in values["folders"]]
        self.restores = checked(GATE_RESTORES, values["restores"], "restores.")

    def paths_that_are_others(self) -> "list[str]":
        """Return the configured paths that lead through a symbolic link: nothing could ever match them."""
        named = [self.staging, *(one["path"] for one in [*self.databases, *self.folders])]
        return [path for path in named if os.path.realpath(before_magic(path)) != before_magic(path)]


def before_magic(path: str) -> str:
    """Return the folders of a pattern that stand before its first `*`, `?` or `[`, or the path if it has none."""
    names = path.split("/")
    plain = [name for name in names if not any(character in name for character in "*?[")]
    return path if len(plain) == len(names) else "/".join(names[: next(i for i, name in enumerate(names) if name not in plain)])


def meant_by(entry: "dict[str, Any]", real: str) -> bool:
    """Tell whether an entry means a path; `real` has no symbolic links, and `*` never crosses `/`."""
    names, patterns = real.split("/"), entry["path"].split("/")
    if entry["literal"]:
        return bool(names == patterns)
    return len(names) == len(patterns) and all(map(fnmatch.fnmatchcase, names, patterns))
