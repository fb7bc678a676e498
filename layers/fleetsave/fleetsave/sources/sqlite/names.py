"""Names made from paths: of the artifacts a glob stands for, and of snapshots on the server."""

import hashlib
from fnmatch import fnmatchcase

from fleetsave.model.errors import ConfigurationError, InvalidInputError
from fleetsave.model.fleet import SqliteDatabase
from fleetsave.model.keys import ArtifactId
from fleetsave.model.slots import Slot
from fleetsave.sources.agent.door_names import HASH_LENGTH, LONGEST_NAME, name_of_match
from fleetsave.sources.agent.door_settings import MAGIC

_LONGEST_PREFIX = LONGEST_NAME - HASH_LENGTH - 1


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
    return name_of_match(database.name, database.path, path)


def snapshot_name(artifact_id: ArtifactId, slot: Slot) -> str:
    """Return the name of a snapshot on its server: readable, and different for every two artifacts and slots."""
    digest = hashlib.sha256(f"{artifact_id}/{slot.text}".encode()).hexdigest()[:HASH_LENGTH]
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
    if not MAGIC.search(pattern):
        return name == pattern
    hidden = name.startswith(".") and not pattern.startswith(".")
    return fnmatchcase(name, pattern) and not hidden and name not in ("", ".", "..")
