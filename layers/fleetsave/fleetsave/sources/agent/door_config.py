"""What may be served, and to whom: the agent's configuration, read once, and refused if anything in it is unknown or unsafe."""

import json
import os
import re
import stat
from typing import Any

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)


class ConfigurationRefusedError(Exception):
    """The configuration cannot be used; the text says where and why."""


def _is_string(value: Any) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value


def _is_path(value: Any) -> bool:
    return _is_string(value) and value.startswith("/")


def _is_pattern(value: Any) -> bool:
    return _is_string(value) and not any(name in ("", ".", "..") for name in value.split("/"))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 < value < 1 << 60


def is_seconds(value: Any) -> bool:
    """Tell whether it is a number of seconds, a day of them at most."""
    return type(value) in (int, float) and 0 < value <= 86400


def _is_flag(value: Any) -> bool:
    return type(value) is bool


def _are_patterns(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_pattern, value))


def _are_checks(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_name(name) and _is_string(sql) for name, sql in value.items())


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


REQUIRED = object()

# Of each setting: what it is if it is left out, how it is judged, and what it should be, in words.
AGENT = {
    "address": ("127.0.0.1", _is_string, "an address to listen on"),
    "port": (8443, lambda value: _is_count(value) and value < 65536, "a port"),
    "certificate": (REQUIRED, _is_path, "an absolute path"),
    "key": (REQUIRED, _is_path, "an absolute path"),
    "read_token_sha256": (REQUIRED, _is_digest, "64 hexadecimal digits in small letters; --new-token prints them"),
    "restore_token_sha256": (None, _is_digest, "64 hexadecimal digits in small letters; --new-token prints them"),
    "staging": (REQUIRED, _is_path, "an absolute path"),
    "databases": ([], _is_list, "a list"),
    "files": ([], _is_list, "a list"),
    "configuration": ([], _is_list, "a list"),
    "logs": ([], _is_list, "a list"),
    "full": (False, _is_flag, "true or false"),
    "limits": ({}, _is_object, "an object"),
}  # type: dict[str, tuple[Any, Any, str]]

DATABASE = {
    "name": ("database", _is_name, "small letters, digits, _ and -, at most 63"),
    "path": (REQUIRED, _is_path, "an absolute path"),
    "literal": (False, _is_flag, "true or false"),
    "fingerprint": (True, _is_flag, "true or false"),
    "checks": ({}, _are_checks, "an object of names and SQL"),
    "deadline": (300, is_seconds, "seconds, at most a day"),
    "lock_limit": (60, is_seconds, "seconds, at most a day"),
}  # type: dict[str, tuple[Any, Any, str]]

FOLDER = {
    "name": (REQUIRED, _is_name, "small letters, digits, _ and -, at most 63"),
    "path": (REQUIRED, _is_path, "an absolute path"),
    "include": (["**"], lambda value: _are_patterns(value) and value, "a list of patterns without /, . and .. at their ends"),
    "exclude": ([], _are_patterns, "a list of patterns without /, . and .. at their ends"),
    "maximum_file_size": (None, _is_count, "bytes"),
    "links_out": (False, _is_flag, "true or false"),
    "deadline": (780, is_seconds, "seconds, at most a day"),
}  # type: dict[str, tuple[Any, Any, str]]

LIMITS = {
    "captures": (2, _is_count, "a number"),
    "connections": (16, _is_count, "a number"),
    "requests_per_minute": (120, _is_count, "a number"),
    "seconds_per_request": (3600, is_seconds, "seconds, at most a day"),
    "idle_seconds": (20, is_seconds, "seconds, at most a day"),
    "least_bytes_per_second": (8192, _is_count, "a number"),
}  # type: dict[str, tuple[Any, Any, str]]

LISTS_OF_FOLDERS = ("files", "configuration", "logs")


class Configuration:
    """Everything the owner has written down; `databases` and `folders` are found by their names alone.

    Raise ConfigurationRefusedError for a file that others may read, and for whatever in it is not as it should be.
    """

    def __init__(self, path: str) -> None:
        values = _checked(AGENT, _read(path), "")
        for name in ("certificate", "key"):
            require_file(values[name], private=name == "key")
        self.address, self.port = values["address"], values["port"]  # type: str, int
        self.certificate, self.key = values["certificate"], values["key"]  # type: str, str
        self.read_token_sha256 = values["read_token_sha256"]  # type: str
        self.restore_token_sha256 = values["restore_token_sha256"]  # type: str | None
        if self.restore_token_sha256 == self.read_token_sha256:
            raise ConfigurationRefusedError("restore_token_sha256: it must be another token than that for reading")
        self.staging = values["staging"]  # type: str
        self.limits = _checked(LIMITS, values["limits"], "limits.")
        self.full = values["full"]  # type: bool
        self.databases = _by_name(DATABASE, {"databases": values["databases"]})
        self.folders = _by_name(FOLDER, {name: values[name] for name in LISTS_OF_FOLDERS})
        if self.full and not self.databases and not self.folders:
            raise ConfigurationRefusedError("full: there is nothing to put into it")


def _read(path: str) -> Any:
    require_file(path, private=True)
    with open(path, "rb") as file:
        text = file.read()
    try:
        return json.loads(text.decode(), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigurationRefusedError(f"{path} is not JSON: {error}") from None


def require_file(path: str, *, private: bool) -> None:
    """Raise ConfigurationRefusedError unless it is a file; a private one must belong to us, and be closed to all others."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise ConfigurationRefusedError(f"{path}: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise ConfigurationRefusedError(f"{path} is not a file")
    if private and (status.st_mode & 0o077 or status.st_uid not in (0, os.geteuid())):
        raise ConfigurationRefusedError(f"{path} may be read by others, or is another's: chown it to this account, and chmod 600")


def _object(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ConfigurationRefusedError("a key stands twice in one object")
    return found


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _checked(fields: "dict[str, tuple[Any, Any, str]]", given: Any, where: str) -> "dict[str, Any]":
    if not isinstance(given, dict):
        raise ConfigurationRefusedError(f"{where.rstrip('.') or 'the configuration'}: it must be an object")
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise ConfigurationRefusedError(f"{where}{unknown[0]}: there is no such setting")
    values = {}
    for name, (default, is_right, words) in fields.items():
        value = given.get(name, default)
        if value is REQUIRED:
            raise ConfigurationRefusedError(f"{where}{name}: it is missing; give {words}")
        if name in given and not is_right(value):
            raise ConfigurationRefusedError(f"{where}{name}: it must be {words}")
        values[name] = value
    return values


def _by_name(fields: "dict[str, tuple[Any, Any, str]]", lists: "dict[str, list[Any]]") -> "dict[str, dict[str, Any]]":
    found = {}  # type: dict[str, dict[str, Any]]
    for what, entries in lists.items():
        for number, entry in enumerate(entries):
            if isinstance(entry, dict) and what in LISTS_OF_FOLDERS:
                entry.setdefault("name", what)
            values = _checked(fields, entry, f"{what}[{number}].")
            if values["name"] in found:
                raise ConfigurationRefusedError(f"{what}[{number}].name: {values['name']!r} stands there twice")
            found[values["name"]] = values
    return found
