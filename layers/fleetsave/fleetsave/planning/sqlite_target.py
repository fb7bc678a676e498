"""Where a SQLite database goes to: a configured artifact in its place, or a new file in a folder that the fleet file allows."""

import posixpath

from fleetsave.model.errors import InvalidInputError, RecoveryRefusedError
from fleetsave.model.fleet import Fleet, Server, SqliteDatabase
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_records import RecoveryRequest
from fleetsave.planning.target import Origin, Target, not_allowed
from fleetsave.sources.sqlite.names import artifact_name, require_match


def find_target(request: RecoveryRequest, origin: Origin, fleet: Fleet) -> Target:
    """Return where to. Raise RecoveryRefusedError if the fleet file does not allow it, InvalidInputError for a bad path."""
    server = server_asked(request, fleet)
    path = request.target_path or _usual_path(request, origin, server, fleet)
    require_plain(path)
    artifact_id = _artifact_at(server, path)
    if artifact_id is None:
        _require_allowed(request, path, server)
    # A new file is nobody's yet: the game need not be stopped for it.
    hooks = server.recovery if artifact_id is not None else None
    return Target(server.id, path, artifact_id, hooks.before if hooks else None, hooks.after if hooks else None)


def allowed_folders(server: Server) -> list[str]:
    """Return the folders in which a recovery may make a new file: those of the server's own databases, and those it names."""
    own = {posixpath.dirname(database.path) for database in server.databases if not database.is_glob}
    return sorted(own | {posixpath.normpath(folder) for folder in server.recovery.folders})


def server_asked(request: RecoveryRequest, fleet: Fleet) -> Server:
    """Return the server that is restored to. Raise RecoveryRefusedError if there is none, or it was not said to be meant."""
    server = next((one for one in fleet.servers if one.id == request.target_server_id), None)
    if server is None:
        raise RecoveryRefusedError(
            "recover", request.target_server_id, "the fleet file does not name this server",
            "Check the id; GET /status lists the fleet.", reason=Reason.UNKNOWN_SERVER,
        )  # fmt: skip
    if server.id != request.server_id and not request.allow_other_server:
        raise not_allowed(
            request, f"{server.id} is another server than the backup's, {request.server_id}",
            "If it is meant, add `allow_other_server` to the target.",
        )  # fmt: skip
    return server


def _usual_path(request: RecoveryRequest, origin: Origin, server: Server, fleet: Fleet) -> str:
    """Return where the backup came from, on its own server; on another one the place of the artifact of the same name."""
    if server.id == request.server_id:
        if _artifact_at(server, origin.source_path) is None:
            raise not_allowed(
                request, f"the backup was taken from {origin.source_path}, which the fleet file no longer names",
                "Say in `target` under which path to restore it.",
            )  # fmt: skip
        return origin.source_path
    named = ArtifactId(server.id, Kind.DATABASE, origin.artifact)
    found = fleet.find(named)
    if found is None or found[1].is_glob:
        raise not_allowed(
            request, f"the fleet file does not say where {named} is on {server.id}", "Give the path in `target`."
        )  # fmt: skip
    return found[1].path


def _artifact_at(server: Server, path: str) -> ArtifactId | None:
    for database in server.databases:
        if _means(database, path):
            return ArtifactId(server.id, Kind.DATABASE, artifact_name(database, path))
    return None


def _means(database: SqliteDatabase, path: str) -> bool:
    try:
        require_match(database, path)
    except InvalidInputError:
        return False
    return True


def require_plain(path: str) -> None:
    """Raise InvalidInputError for a path that does not say plainly where it leads."""
    if not path.startswith("/") or "\0" in path or posixpath.normpath(path) != path or path.startswith("//"):
        raise InvalidInputError(
            "read target path", repr(path[:100]), "it is not an absolute path in its shortest form",
            "Begin with /, and leave out . and .. and empty parts.",
        )  # fmt: skip


def _require_allowed(request: RecoveryRequest, path: str, server: Server) -> None:
    folders = allowed_folders(server)
    inside = any(posixpath.commonpath([folder, path]) == folder and path != folder for folder in folders)
    if not inside:
        raise not_allowed(
            request, f"{path[:100]!r} is neither a database of {server.id} nor in a folder that may be restored into",
            f"Allowed: {', '.join(folders) or 'no folder yet'}; name others in recovery.folders of the fleet file.",
        )  # fmt: skip
