"""What may be served, and to whom: the agent's configuration, read once, and refused if anything in it is unknown or unsafe."""

from typing import Any

from fleetsave.sources.agent.door_settings import (
    REQUIRED,
    ConfigurationRefusedError,
    are_checks,
    are_patterns,
    checked,
    is_count,
    is_digest,
    is_flag,
    is_list,
    is_name,
    is_object,
    is_path,
    is_seconds,
    is_string,
    read_settings,
    require_file,
)

# Of each setting: what it is if it is left out, how it is judged, and what it should be, in words.
AGENT = {
    "address": ("127.0.0.1", is_string, "an address to listen on"),
    "port": (8443, lambda value: is_count(value) and value < 65536, "a port"),
    "certificate": (REQUIRED, is_path, "an absolute path"),
    "key": (REQUIRED, is_path, "an absolute path"),
    "read_token_sha256": (REQUIRED, is_digest, "64 hexadecimal digits in small letters; --new-token prints them"),
    "restore_token_sha256": (None, is_digest, "64 hexadecimal digits in small letters; --new-token prints them"),
    "staging": (REQUIRED, is_path, "an absolute path"),
    "databases": ([], is_list, "a list"),
    "files": ([], is_list, "a list"),
    "configuration": ([], is_list, "a list"),
    "logs": ([], is_list, "a list"),
    "full": (False, is_flag, "true or false"),
    "limits": ({}, is_object, "an object"),
}  # type: dict[str, tuple[Any, Any, str]]

DATABASE = {
    "name": ("database", is_name, "small letters, digits, _ and -, at most 63"),
    "path": (REQUIRED, is_path, "an absolute path"),
    "literal": (False, is_flag, "true or false"),
    "fingerprint": (True, is_flag, "true or false"),
    "checks": ({}, are_checks, "an object of names and SQL"),
    "deadline": (300, is_seconds, "seconds, at most a day"),
    "lock_limit": (60, is_seconds, "seconds, at most a day"),
}  # type: dict[str, tuple[Any, Any, str]]

FOLDER = {
    "name": (REQUIRED, is_name, "small letters, digits, _ and -, at most 63"),
    "path": (REQUIRED, is_path, "an absolute path"),
    "include": (["**"], lambda value: are_patterns(value) and value, "a list of patterns without /, . and .. at their ends"),
    "exclude": ([], are_patterns, "a list of patterns without /, . and .. at their ends"),
    "maximum_file_size": (None, is_count, "bytes"),
    "links_out": (False, is_flag, "true or false"),
    "deadline": (780, is_seconds, "seconds, at most a day"),
}  # type: dict[str, tuple[Any, Any, str]]

LIMITS = {
    "captures": (2, is_count, "a number"),
    "connections": (16, is_count, "a number"),
    "requests_per_minute": (120, is_count, "a number"),
    "seconds_per_request": (3600, is_seconds, "seconds, at most a day"),
    "idle_seconds": (20, is_seconds, "seconds, at most a day"),
    "least_bytes_per_second": (8192, is_count, "a number"),
}  # type: dict[str, tuple[Any, Any, str]]

LISTS_OF_FOLDERS = ("files", "configuration", "logs")


class Configuration:
    """Everything the owner has written down; `databases` and `folders` are found by their names alone.

    Raise ConfigurationRefusedError for a file that others may read, and for whatever in it is not as it should be.
    """

    def __init__(self, path: str) -> None:
        require_file(path, private=True)
        values = checked(AGENT, read_settings(path), "")
        for name in ("certificate", "key"):
            require_file(values[name], private=name == "key")
        self.address, self.port = values["address"], values["port"]  # type: str, int
        self.certificate, self.key = values["certificate"], values["key"]  # type: str, str
        self.read_token_sha256 = values["read_token_sha256"]  # type: str
        self.restore_token_sha256 = values["restore_token_sha256"]  # type: str | None
        if self.restore_token_sha256 == self.read_token_sha256:
            raise ConfigurationRefusedError("restore_token_sha256: it must be another token than that for reading")
        self.staging = values["staging"]  # type: str
        self.limits = checked(LIMITS, values["limits"], "limits.")
        self.full = values["full"]  # type: bool
        self.databases = _by_name(DATABASE, {"databases": values["databases"]})
        self.folders = _by_name(FOLDER, {name: values[name] for name in LISTS_OF_FOLDERS})
        if self.full and not self.databases and not self.folders:
            raise ConfigurationRefusedError("full: there is nothing to put into it")


def _by_name(fields: "dict[str, tuple[Any, Any, str]]", lists: "dict[str, list[Any]]") -> "dict[str, dict[str, Any]]":
    found = {}  # type: dict[str, dict[str, Any]]
    for what, entries in lists.items():
        for number, entry in enumerate(entries):
            if isinstance(entry, dict) and what in LISTS_OF_FOLDERS:
                entry.setdefault("name", what)
            values = checked(fields, entry, f"{what}[{number}].")
            if values["name"] in found:
                raise ConfigurationRefusedError(f"{what}[{number}].name: {values['name']!r} stands there twice")
            found[values["name"]] = values
    return found
