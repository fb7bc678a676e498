"""The artifacts of the configuration: which files they are now, and what the script is asked for each of them."""

import glob
import hashlib
import os
from typing import Any

from fleetsave.sources.agent.door_config import Configuration
from fleetsave.sources.agent.door_names import name_of_match
from fleetsave.sources.agent.door_requests import RefusedRequestError
from fleetsave.sources.agent.door_settings import is_pattern

SIDECARS_TOO = ("", "-wal", "-shm", "-journal")


def files_of(database: "dict[str, Any]") -> "list[str]":
    """Return the paths that a configured database is now, sorted."""
    if not is_pattern(database):
        return [database["path"]]
    return sorted(path for path in glob.glob(database["path"]) if os.path.isfile(path))


def id_of(path: str) -> str:
    """Return what stands for a path in a request; it says nothing of it, and cannot be made into another."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def path_of(database: "dict[str, Any]", file: "str | None") -> str:
    """Return the path of the one file that is meant. Raise RefusedRequestError unless it is there, or is not one of several."""
    if not is_pattern(database):
        if file not in (None, id_of(database["path"])):
            raise RefusedRequestError(404)
        return str(database["path"])
    for path in files_of(database):
        if id_of(path) == file:
            return path
    raise RefusedRequestError(404)


def listing(configuration: Configuration) -> "dict[str, Any]":
    """Return everything that is served, each with its path and what the fleet file may say of it."""
    found = [_description(database) for database in configuration.databases.values()]
    found += [dict(folder, kind="files") for folder in configuration.folders.values()]
    if configuration.full:
        found.append({"kind": "full", "name": "full", "path": "/"})
    return {"artifacts": found}


def _description(database: "dict[str, Any]") -> "dict[str, Any]":
    entry = {name: database[name] for name in ("name", "path", "checks")}
    files = [{"id": id_of(path), "path": path} for path in files_of(database)]
    return dict(entry, kind="database", pattern=is_pattern(database), files=files)


def snapshot_order(configuration: Configuration, database: "dict[str, Any]", path: str, name: str) -> "dict[str, Any]":
    """Return what the script is asked for a frozen snapshot of a database."""
    return dict(_capture(database, path), operation="snapshot", name=name, staging=configuration.staging)


def folder_order(configuration: Configuration, folder: "dict[str, Any]", name: str) -> "dict[str, Any]":
    """Return what the script is asked for an archive of one folder."""
    return _archive_order(configuration, name, folder["path"], folder["deadline"], [], [_tree(folder, [])])


def full_order(configuration: Configuration, name: str) -> "dict[str, Any]":
    """Return what the script is asked for an archive of everything; its databases are not archived once more as files."""
    databases, paths = [], []  # type: list[dict[str, Any]], list[str]
    for database in configuration.databases.values():
        for path in files_of(database):
            artifact = name_of_match(database["name"], database["path"], path) if is_pattern(database) else database["name"]
            databases.append(dict(_capture(database, path), member=f"databases/{artifact}.db"))
            paths.append(path)
    trees = [_tree(folder, paths) for folder in configuration.folders.values()]
    return _archive_order(configuration, name, "/", configuration.limits["seconds_per_request"], databases, trees)


def _archive_order(
    configuration: Configuration, name: str, path: str, deadline: float, databases: "list[Any]", trees: "list[Any]"
) -> "dict[str, Any]":
    order = {"operation": "archive", "name": name, "staging": configuration.staging, "deadline": deadline}
    return dict(order, source_path=path, databases=databases, trees=trees)


def _capture(database: "dict[str, Any]", path: str) -> "dict[str, Any]":
    order = {"path": path, "deadline": database["deadline"], "lock_limit": database["lock_limit"]}
    return dict(order, checks=database["checks"] if database["fingerprint"] else None)


def _tree(folder: "dict[str, Any]", databases: "list[str]") -> "dict[str, Any]":
    root = folder["path"].rstrip("/") + "/"
    own = [path[len(root) :] + suffix for path in databases if path.startswith(root) for suffix in SIDECARS_TOO]
    tree = {name: folder[name] for name in ("path", "include", "maximum_file_size")}
    return dict(tree, member="files/" + folder["name"], exclude=folder["exclude"] + [literal_pattern(path) for path in own])


def literal_pattern(path: str) -> str:
    """Return the pattern that matches a path and nothing else."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in path)
