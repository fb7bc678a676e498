"""Where folders go to: a set's own folder in its place, or a new folder where the fleet file allows one."""

import posixpath
from dataclasses import dataclass

from fleetsave.model.archives import FILES
from fleetsave.model.errors import RecoveryRefusedError
from fleetsave.model.fleet import FileSet, Fleet, Server
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_records import RecoveryRequest
from fleetsave.planning.sqlite_target import allowed_folders, require_plain, server_asked
from fleetsave.planning.target import Target, not_allowed


@dataclass(frozen=True)
class FolderTarget:
    """Where a folder goes to. `links_out` lets its links lead out, `is_whole` tells that nothing of the folder is left out.

    What was left out, by patterns, by size, or since a full backup has databases elsewhere, must stay where it is.
    """

    target: Target
    links_out: bool
    is_whole: bool


def find_folder(request: RecoveryRequest, root: str, fleet: Fleet) -> FolderTarget:
    """Return where a folder of an archive goes to.

    `root` is its member, "" for a whole archive, which only ever becomes a new folder. Raise RecoveryRefusedError if the fleet
    file does not allow it, InvalidInputError for a bad path.
    """
    server = server_asked(request, fleet)
    own = _set_of(server, root)
    path = request.target_path or (own.path if own else None)
    if path is None:
        raise not_allowed(request, _why_no_path(root, server), "Give the path of a new folder in target.path.")
    require_plain(path)
    if own is not None and path == own.path:
        hooks = server.recovery
        target = Target(server.id, path, ArtifactId(server.id, Kind.FILES, own.name), hooks.before, hooks.after)
        return FolderTarget(target, own.links_out, _is_whole(own, request, server))
    if request.paths:
        raise not_allowed(request, "chosen paths are put back into their own folder only", "Leave target.path out, or paths.")
    _require_new(request, path, server)
    links_out = own.links_out if own else all(one.links_out for one in server.file_sets)
    return FolderTarget(Target(server.id, path, None), links_out, is_whole=True)


def folders_allowed(server: Server) -> list[str]:
    """Return the folders in which a recovery may make a new one: those that hold the server's own, and those it names."""
    return sorted({posixpath.dirname(one.path.rstrip("/")) or "/" for one in server.file_sets} | set(allowed_folders(server)))


def _is_whole(own: FileSet, request: RecoveryRequest, server: Server) -> bool:
    is_all = own.include == ["**"] and not own.exclude and own.maximum_file_size is None
    elsewhere = request.kind is Kind.FULL and any(one.path.startswith(f"{own.path}/") for one in server.databases)
    return is_all and not elsewhere


def _set_of(server: Server, root: str) -> FileSet | None:
    return next((one for one in server.file_sets if root == f"{FILES}/{one.name}"), None)


def _why_no_path(root: str, server: Server) -> str:
    if root:
        return f"the fleet file names no set {root.rpartition('/')[2]!r} on {server.id}"
    return "a whole full backup is unpacked into a new folder, and replaces nothing"


def _require_new(request: RecoveryRequest, path: str, server: Server) -> None:
    if server.https is not None:
        raise not_allowed(
            request, f"the agent on {server.id} restores only what its configuration names, in its place",
            "Leave target.path out; or fetch the backup by hand (docs/runbook-recovery.md).",
        )  # fmt: skip
    taken = [one.path for one in server.file_sets if posixpath.commonpath([one.path, path]) in (one.path, path)]
    if taken:
        raise not_allowed(
            request, f"{path[:100]!r} holds, or lies in, {taken[0]}, which is backed up", "Give a folder beside it."
        )
    folders = folders_allowed(server)
    if not any(posixpath.commonpath([folder, path]) == folder and path != folder for folder in folders):
        raise RecoveryRefusedError(
            "recover", request.target_server_id, f"{path[:100]!r} is not in a folder that may be restored into",
            f"Allowed: {', '.join(folders) or 'no folder yet'}; name others in recovery.folders of the fleet file.",
            reason=Reason.TARGET_NOT_ALLOWED,
        )  # fmt: skip
