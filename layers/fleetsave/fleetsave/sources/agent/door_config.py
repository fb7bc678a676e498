"""What may be served, and to whom: the agent's configuration, read once, and refused if anything in it is unknown or unsafe."""

import re
from typing import Any

from fleetsave.sources.agent.door_settings import (
    A_FLAG,
    A_LIST,
    A_NAME,
    A_NUMBER,
    A_PATH,
    AN_OBJECT,
    CHECKS,
    PATTERNS,
    REQUIRED,
    SECONDS,
    ConfigurationRefusedError,
    are_patterns,
    checked,
    is_count,
    is_string,
    read_settings,
    require_file,
)

A_DIGEST = (
    lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value),
    "64 hexadecimal digits in small letters; --new-token prints them",
)

# Of each setting: what it is if it is left out, how it is judged, and what it should be, in words.
AGENT = {
    "address": ("127.0.0.1", is_string, "an address to listen on"),
    "port": (8443, lambda value: is_count(value) and value < 65536, "a port"),
    "certificate": (REQUIRED, *A_PATH),
    "key": (REQUIRED, *A_PATH),
    "read_token_sha256": (REQUIRED, *A_DIGEST),
    "restore_token_sha256": (None, *A_DIGEST),
    "staging": (REQUIRED, *A_PATH),
    "databases": ([], *A_LIST),
    "files": ([], *A_LIST),
    "configuration": ([], *A_LIST),
    "logs": ([], *A_LIST),
    "full": (False, *A_FLAG),
    "limits": ({}, *AN_OBJECT),
}  # type: dict[str, tuple[Any, Any, str]]

DATABASE = {
    "name": ("database", *A_NAME),
    "path": (REQUIRED, *A_PATH),
    "literal": (False, *A_FLAG),
    "fingerprint": (True, *A_FLAG),
    "checks": ({}, *CHECKS),
    "deadline": (300, *SECONDS),
    "lock_limit": (60, *SECONDS),
}  # type: dict[str, tuple[Any, Any, str]]

FOLDER = {
    "name": (REQUIRED, *A_NAME),
    "path": (REQUIRED, *A_PATH),
    "include": (["**"], lambda value: are_patterns(value) and value, PATTERNS[1]),
    "exclude": ([], *PATTERNS),
    "maximum_file_size": (None, is_count, "bytes"),
    "links_out": (False, *A_FLAG),
    "deadline": (780, *SECONDS),
}  # type: dict[str, tuple[Any, Any, str]]

LIMITS = {
    "captures": (2, *A_NUMBER),
    "connections": (16, *A_NUMBER),
    "requests_per_minute": (120, *A_NUMBER),
    "seconds_per_request": (3600, *SECONDS),
    "idle_seconds": (20, *SECONDS),
    "least_bytes_per_second": (8192, *A_NUMBER),
}  # type: dict[str, tuple[Any, Any, str]]

LISTS_OF_FOLDERS = ("files", "configuration", "logs")


class Configuration:
    """Everything the owner has written down; `databases` and `folders` are found by their names alone.

    Raise ConfigurationRefusedError for a file that others may read, and for whatever in it is not as it should be.
    """

    def __init__(self, path: str) -> None:
        require_file(path, forbidden=0o077)
        values = checked(AGENT, read_settings(path), "")
        require_file(values["certificate"])
        require_file(values["key"], forbidden=0o077)
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
