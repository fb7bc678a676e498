"""How a configuration is read: JSON that is ours alone, each setting known by name and judged, and nothing else in it."""

import json
import os
import re
import stat
from typing import Any

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)
MAGIC = re.compile(r"[*?\[]")


class ConfigurationRefusedError(Exception):
    """The configuration cannot be used; the text says where and why."""


def is_string(value: Any) -> bool:
    """Tell whether it is a text that says something."""
    return isinstance(value, str) and value != "" and "\0" not in value


def is_path(value: Any) -> bool:
    """Tell whether it is an absolute path."""
    return is_string(value) and value.startswith("/")


def is_inner_pattern(value: Any) -> bool:
    """Tell whether it is a pattern of paths below a folder."""
    return is_string(value) and not any(name in ("", ".", "..") for name in value.split("/"))


def is_name(value: Any) -> bool:
    """Tell whether it can name an artifact."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def is_count(value: Any) -> bool:
    """Tell whether it is a whole number above 0."""
    return type(value) is int and 0 < value < 1 << 60


def is_seconds(value: Any) -> bool:
    """Tell whether it is a number of seconds, a day of them at most."""
    return type(value) in (int, float) and 0 < value <= 86400


def are_patterns(value: Any) -> bool:
    """Tell whether it is a list of patterns."""
    return isinstance(value, list) and all(map(is_inner_pattern, value))


def are_checks(value: Any) -> bool:
    """Tell whether it is SQL by names."""
    return isinstance(value, dict) and all(is_name(name) and is_string(sql) for name, sql in value.items())


def is_pattern(entry: "dict[str, Any]") -> bool:
    """Tell whether the path of a configured database or folder may mean several."""
    return not entry["literal"] and MAGIC.search(entry["path"]) is not None


REQUIRED = object()

# How a setting is judged, and what it should be, in words.
A_PATH = (is_path, "an absolute path")
A_NAME = (is_name, "small letters, digits, _ and -, at most 63")
SECONDS = (is_seconds, "seconds, at most a day")
A_NUMBER = (is_count, "a number")
A_FLAG = (lambda value: type(value) is bool, "true or false")
A_LIST = (lambda value: isinstance(value, list), "a list")
AN_OBJECT = (lambda value: isinstance(value, dict), "an object")
CHECKS = (are_checks, "an object of names and SQL")
PATTERNS = (are_patterns, "a list of patterns without /, . and .. at their ends")


def read_settings(path: str) -> Any:
    """Return what a file of JSON says. Raise ConfigurationRefusedError if it is none."""
    try:
        with open(path, "rb") as file:
            text = file.read()
        return json.loads(text.decode(), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigurationRefusedError(f"{path} is not JSON: {error}") from None
    except OSError as error:
        raise ConfigurationRefusedError(f"{path}: {error.strerror}") from None


def require_file(path: str, *, forbidden: int = 0) -> None:
    """Raise ConfigurationRefusedError unless it is a file and, if others must not have `forbidden` rights, ours or root's."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise ConfigurationRefusedError(f"{path}: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise ConfigurationRefusedError(f"{path} is not a file")
    if forbidden and (status.st_mode & forbidden or status.st_uid not in (0, os.geteuid())):
        raise ConfigurationRefusedError(
            f"{path} is open to others, or is another's: chown it to root or to this account, and chmod {0o666 & ~forbidden:o}"
        )


def _object(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ConfigurationRefusedError("a key stands twice in one object")
    return found


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def checked(fields: "dict[str, tuple[Any, Any, str]]", given: Any, where: str) -> "dict[str, Any]":
    """Return every field with its value. Raise ConfigurationRefusedError for one that is unknown, missing or wrong."""
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
