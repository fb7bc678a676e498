"""Names made from paths: of the artifacts a glob stands for, and of snapshots on the server."""

import hashlib
import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from fleetsave.model.errors import ConfigurationError, InvalidInputError
from fleetsave.model.fleet import SqliteDatabase
from fleetsave.model.keys import ArtifactId
from fleetsave.model.slots import Slot

_MAGIC = re.compile(r"[*?\[]")
_HASHED = re.compile(r"-[0-9a-f]{12}$")
_HASH_LENGTH = 12
_LONGEST_ID = 63
_LONGEST_PREFIX = _LONGEST_ID - _HASH_LENGTH - 1


def artifact_name(database: SqliteDatabase, path: str) -> str:
    """Return the artifact name of one file a glob matched; it follows from the path alone, and no two paths share one.

    Where the file's stem cannot stand for the whole path, a hash of the path follows it. Raise ConfigurationError if the
    database's own name leaves no room.
    """
    if not database.is_glob:
        return database.name
    if len(database.name) > _LONGEST_PREFIX:
        raise ConfigurationError(
            "name artifact", database.name, f"with a glob it may have {_LONGEST_PREFIX} characters", "Choose a shorter name."
        )
    stem = PurePosixPath(path).stem
    name = f"{database.name}-{stem}"
    if slug(stem) == stem and len(name) <= _LONGEST_ID and not _HASHED.search(name) and _stem_tells_path(database.path, path):
        return name
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_LENGTH]
    room = _LONGEST_ID - len(database.name) - _HASH_LENGTH - 2
    shortened = slug(stem)[: max(0, room)]
    return "-".join(part for part in (database.name, shortened, digest) if part)


def slug(text: str) -> str:
    """Return the text in small letters, digits, `_` and `-`, with one `-` for each run of other characters."""
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")


def snapshot_name(artifact_id: ArtifactId, slot: Slot) -> str:
    """Return the name of a snapshot on its server: readable, and different for every two artifacts and slots."""
    digest = hashlib.sha256(f"{artifact_id}/{slot.text}".encode()).hexdigest()[:_HASH_LENGTH]
    return f"{artifact_id.server_id}_{slot.text}_{artifact_id.artifact}_{digest}"


def require_match(database: SqliteDatabase, path: str) -> None:
    """Raise InvalidInputError unless the fleet file's path, or its pattern, means this path."""
    patterns = [name for name in database.path.split("/") if name]
    root, *names = path.split("/")
    matches = not root and "\0" not in path and len(patterns) == len(names) and all(map(_name_matches, patterns, names))
    if not (matches if database.is_glob else path == database.path):
        raise InvalidInputError(
            "capture",
            repr(path[:200]),
            f"the fleet file says {database.path!r}",
            "Jobs are made from the fleet file; drop this one.",
        )


def _name_matches(pattern: str, name: str) -> bool:
    if not _MAGIC.search(pattern):
        return name == pattern
    hidden = name.startswith(".") and not pattern.startswith(".")
    return fnmatchcase(name, pattern) and not hidden and name not in ("", ".", "..")


def _stem_tells_path(pattern: str, path: str) -> bool:
    """Tell whether the pattern leaves only the stem open: same folder, same ending, for all that it matches."""
    suffix = PurePosixPath(pattern).suffix
    folder = str(PurePosixPath(pattern).parent)
    return (
        not _MAGIC.search(suffix + folder) and PurePosixPath(path).suffix == suffix and str(PurePosixPath(path).parent) == folder
    )
