"""What a key may be used for: the gate's configuration, which none but root, or the account itself, may have written."""

import fnmatch
import os
from itertools import takewhile
from typing import Any

from fleetsave.sources.agent.door_settings import (
    A_FLAG,
    A_LIST,
    AN_OBJECT,
    CHECKS,
    MAGIC,
    PATTERNS,
    REQUIRED,
    SECONDS,
    checked,
    is_path,
    is_pattern,
    is_string,
    read_settings,
    require_file,
)
from fleetsave.sources.sqlite.server_side.ground import RefusedError
from fleetsave.sources.sqlite.server_side.private import require_private


def is_plain_path(value: Any) -> bool:
    """Tell whether it is an absolute path whose names all stand for themselves: none is empty, `.` or `..`."""
    return is_path(value) and not any(name in ("", ".", "..") for name in value.split("/")[1:])


PLAIN_PATH = (is_plain_path, "an absolute path without //, . and .. in it")
GATE = {
    "staging": (REQUIRED, *PLAIN_PATH),
    "databases": ([], *A_LIST),
    "folders": ([], *A_LIST),
    "restores": ({}, *AN_OBJECT),
}  # type: dict[str, tuple[Any, Any, str]]

GATE_DATABASE = {
    "path": (REQUIRED, *PLAIN_PATH),
    "literal": (False, *A_FLAG),
    "checks": ({}, *CHECKS),
    "deadline": (900, *SECONDS),
    "lock_limit": (60, *SECONDS),
    "restore": (False, *A_FLAG),
}  # type: dict[str, tuple[Any, Any, str]]

GATE_FOLDER = {
    "path": (REQUIRED, *PLAIN_PATH),
    "literal": (False, *A_FLAG),
    "exclude": ([], *PATTERNS),
    "deadline": (900, *SECONDS),
    "restore": (False, *A_FLAG),
    "links_out": (False, *A_FLAG),
}  # type: dict[str, tuple[Any, Any, str]]

GATE_RESTORES = {
    "new_in": ([], lambda value: isinstance(value, list) and all(map(is_plain_path, value)), "a list of paths"),
    "commands": ([], lambda value: isinstance(value, list) and all(map(is_string, value)), "a list of commands"),
    "deadline": (3600, *SECONDS),
}  # type: dict[str, tuple[Any, Any, str]]


class GateConfiguration:
    """What the server's owner allows. Raise ConfigurationRefusedError for a file that others may write, or anything odd in it."""

    def __init__(self, path: str) -> None:
        require_file(path, forbidden=0o022)
        values = checked(GATE, read_settings(path), "")
        self.staging = values["staging"]  # type: str
        self.databases = [checked(GATE_DATABASE, one, "databases.") for one in values["databases"]]
        self.folders = [checked(GATE_FOLDER, one, "folders.") for one in values["folders"]]
        self.restores = checked(GATE_RESTORES, values["restores"], "restores.")

    def troubles(self) -> "list[str]":
        """Return what stands in the way of this account's captures, a sentence for each thing."""
        found = []
        try:
            require_private(as_bytes(self.staging), 0o022, "unsafe_staging")
        except RefusedError as refused:
            found.append(refused.cause)
        except OSError as error:
            found.append(f"{self.staging}: {error.strerror}")
        for entry in [{"path": self.staging, "literal": True}, *self.databases, *self.folders]:
            fixed = fixed_part(entry)
            if real_path(fixed) != fixed:
                found.append(f"{entry['path']} leads elsewhere: write its real path")
            elif not os.access(as_bytes(fixed), os.R_OK | (os.X_OK if os.path.isdir(as_bytes(fixed)) else 0)):
                found.append(f"{fixed} is not there, or this account may not read it")
        return found


def as_bytes(path: str) -> bytes:
    """Return a path as the system has it; no locale, which the client may choose, has a say."""
    return path.encode("utf-8", "surrogateescape")


def real_path(path: str) -> str:
    """Return where a path leads, all symbolic links resolved."""
    return os.path.realpath(as_bytes(path)).decode("utf-8", "surrogateescape")


def fixed_part(entry: "dict[str, Any]") -> str:
    """Return the path of an entry or, if it is a pattern, the folder before its first name with `*`, `?` or `[`."""
    if not is_pattern(entry):
        return str(entry["path"])
    return "/".join(takewhile(lambda name: not MAGIC.search(name), entry["path"].split("/"))) or "/"


def meant_by(entry: "dict[str, Any]", real: str) -> bool:
    """Tell whether an entry means a path; `real` has no symbolic links.

    As in the fleet file, `*` never crosses `/`, and a name that begins with a dot is meant only where the dot is written.
    """
    names, patterns = real.split("/"), entry["path"].split("/")
    if not is_pattern(entry):
        return bool(names == patterns)
    return len(names) == len(patterns) and all(map(_name_is_meant, names, patterns))


def _name_is_meant(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))
