"""Which backup a request for a recovery means."""

from collections.abc import Sequence

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.find import find_backup
from fleetsave.model.errors import ObjectNotFoundError, RecoveryRefusedError
from fleetsave.model.fleet import Fleet
from fleetsave.model.history import Backup, State
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Kind
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_records import RecoveryRequest


def select(request: RecoveryRequest, fleet: Fleet, catalog: Catalog) -> Backup:
    """Return the backup that is meant: the one named, else the newest verified one not later than `at`.

    Raise RecoveryRefusedError with its reason, InvalidInputError for a key that is none, StoreError or CatalogError.
    """
    if request.backup_key is not None:
        backup = _named(request, request.backup_key, catalog)
    else:
        backup = _newest(request, _artifact(request, fleet, catalog), catalog)
    _require_usable(request, backup, catalog)
    return backup


def _named(request: RecoveryRequest, text: str, catalog: Catalog) -> Backup:
    key = BackupKey.parse(text)
    if key.artifact_id.server_id != request.server_id:
        raise _refused(
            request, f"the backup {key} is of server {key.artifact_id.server_id}",
            "Give the server_id it belongs to; a `target` says where it is restored to.", Reason.OTHER_SERVERS_BACKUP,
        )  # fmt: skip
    if key.artifact_id.kind is not request.kind:
        raise _refused(
            request, f"the backup {key} is of type {key.artifact_id.kind}", "Give its own backup_type.", Reason.WRONG_TYPE
        )
    try:
        return find_backup(catalog, key.text)
    except ObjectNotFoundError:
        raise _refused(
            request, f"there is no backup {key}", f"See GET /backups?server_id={request.server_id}.", Reason.UNKNOWN_BACKUP
        ) from None


def _artifact(request: RecoveryRequest, fleet: Fleet, catalog: Catalog) -> ArtifactId:
    """Return the artifact whose newest backup is meant: the one named, else the one named as its kind, else the only one."""
    if request.artifact is not None:
        return ArtifactId(request.server_id, request.kind, request.artifact)
    names = _names(request, fleet, catalog)
    if request.server_id not in fleet.server_ids:
        raise _refused(
            request, "the fleet file does not name this server", "Check server_id; GET /status lists the fleet.",
            Reason.UNKNOWN_SERVER,
        )  # fmt: skip
    if request.kind.value in names or len(names) == 1:
        return ArtifactId(request.server_id, request.kind, request.kind.value if request.kind.value in names else names[0])
    if not names:
        raise _refused(
            request, f"the fleet file names nothing of type {request.kind} there", "Check backup_type.", Reason.UNKNOWN_ARTIFACT
        )
    raise _refused(
        request,
        f"it has several: {', '.join(names)}",
        "Say which in `artifact`, or give a backup_key.",
        Reason.AMBIGUOUS_ARTIFACT,
    )


def _names(request: RecoveryRequest, fleet: Fleet, catalog: Catalog) -> list[str]:
    """Return the artifacts the fleet file means; of a glob those that have backups, or itself before there are any."""
    if request.kind is not Kind.DATABASE:
        return [one.artifact for one in fleet.artifact_ids(request.kind) if one.server_id == request.server_id]
    listed = {backup.key.artifact_id for backup in catalog.backups(request.server_id, request.kind)}
    names: list[str] = []
    for server, database in fleet.artifacts(request.kind):
        if server.id == request.server_id:
            own = [one for one in listed if not one.is_safety and fleet.find(one) == (server, database)]
            names += sorted(one.artifact for one in own) if database.is_glob and own else [database.name]
    return names


def _newest(request: RecoveryRequest, artifact_id: ArtifactId, catalog: Catalog) -> Backup:
    listed = [one for one in catalog.backups(artifact_id.server_id, artifact_id.kind) if one.key.artifact_id == artifact_id]
    unverified = (State.SUSPECT, State.INCONCLUSIVE, State.STORED) if request.allow_unverified else ()
    wanted = (State.VERIFIED, *unverified)
    fitting = [one for one in listed if one.state in wanted and (request.at is None or one.key.slot.at <= request.at)]
    if fitting:
        return max(fitting, key=lambda one: (one.key.slot, one.key))
    raise _refused(request, _why_none(request, artifact_id, listed), _hint(artifact_id), Reason.NO_BACKUP)


def _why_none(request: RecoveryRequest, artifact_id: ArtifactId, listed: Sequence[Backup]) -> str:
    if not listed:
        return f"there is no backup of {artifact_id}"
    until = f" not later than {request.at.isoformat()}" if request.at else ""
    return f"no backup of {artifact_id}{until} is verified; there are {len(listed)} in all"


def _hint(artifact_id: ArtifactId) -> str:
    return f"See GET /backups?server_id={artifact_id.server_id}; `allow_unverified` takes one that is not verified."


def _require_usable(request: RecoveryRequest, backup: Backup, catalog: Catalog) -> None:
    # Asked by name too: prune, which has written its record, relies on its being seen, and a listing may lag.
    if backup.state is State.PRUNED or catalog.has(backup.key, RecordName.PRUNED):
        raise _refused(
            request,
            f"the data of {backup.key} has been pruned; only its records are left",
            "Choose a younger backup.",
            Reason.PRUNED,
        )
    if backup.state is not State.VERIFIED and not request.allow_unverified:
        rejected = backup.state is State.REJECTED
        cause = "was rejected by its verification" if rejected else f"is {backup.state}, not verified"
        raise _refused(
            request, f"the backup {backup.key} {cause}",
            "Choose a verified one, or add `allow_unverified`: what reaches the server is checked there all the same.",
            Reason.REJECTED if rejected else Reason.NOT_VERIFIED,
        )  # fmt: skip


def _refused(request: RecoveryRequest, cause: str, hint: str, reason: Reason) -> RecoveryRefusedError:
    return RecoveryRefusedError("recover", request.server_id, cause, hint, reason=reason)
