"""Where a PostgreSQL database goes to: its own place, or a name that is new on the server."""

from fleetsave.model.errors import InvalidInputError, RecoveryRefusedError
from fleetsave.model.fleet import Fleet
from fleetsave.model.fleet_postgresql import Postgresql, PostgresqlDatabase
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId
from fleetsave.model.kinds import Kind
from fleetsave.model.records import StoredRecord
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_records import RecoveryRequest
from fleetsave.planning.target import Target, not_allowed

_LONGEST_NAME = 63
_RESERVED = ("template0", "template1", "postgres")


def find_target(request: RecoveryRequest, stored: StoredRecord, fleet: Fleet) -> Target:
    """Return where to. Raise RecoveryRefusedError if that is not allowed, InvalidInputError for what is no database's name.

    Whether a new name is new, the server will say.
    """
    postgresql = fleet.postgresql
    if postgresql is None:
        raise RecoveryRefusedError(
            "recover", request.target_server_id, "the fleet file names no central PostgreSQL",
            "Put it back; GET /status lists the fleet.", reason=Reason.UNKNOWN_SERVER,
        )  # fmt: skip
    if request.target_server_id != CENTRAL_SERVER_ID:
        raise not_allowed(
            request, f"{request.target_server_id} is not the server of a PostgreSQL database",
            f"Leave target.server_id out: it is restored to {CENTRAL_SERVER_ID}.",
        )  # fmt: skip
    name = request.target_path or _usual_name(request, stored, postgresql)
    own = _configured(postgresql, name)
    if own is None:
        _require_new_name(request, name, postgresql)
        return Target(CENTRAL_SERVER_ID, name, None)
    artifact_id = ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, own.name)
    _require_own_place(request, stored, artifact_id, postgresql, name)
    return Target(CENTRAL_SERVER_ID, name, artifact_id)


def require_name(name: str) -> None:
    """Raise InvalidInputError for what is no name that a database may be given here."""
    printable = all(character.isprintable() for character in name)
    if not printable or name.startswith("/") or not 1 <= len(name.encode(errors="surrogatepass")) <= _LONGEST_NAME:
        raise InvalidInputError(
            "read target path", repr(name[:100]), "it is not a name for a database",
            f"Give 1 to {_LONGEST_NAME} bytes of printable characters, without a / at the beginning.",
        )  # fmt: skip


def _usual_name(request: RecoveryRequest, stored: StoredRecord, postgresql: Postgresql) -> str:
    if _configured(postgresql, stored.source_path) is None:
        raise not_allowed(
            request, f"the backup was taken from the database {stored.source_path!r}, which the fleet file no longer names",
            "Give a new name in target.path.",
        )  # fmt: skip
    return stored.source_path


def _configured(postgresql: Postgresql, name: str) -> PostgresqlDatabase | None:
    return next((one for one in postgresql.databases if one.database == name), None)


def _require_own_place(
    request: RecoveryRequest, stored: StoredRecord, artifact_id: ArtifactId, postgresql: Postgresql, name: str
) -> None:
    if stored.artifact not in (artifact_id.artifact, artifact_id.safety.artifact):
        raise not_allowed(
            request, f"the database {name!r} is that of {artifact_id}, and the backup is of {stored.artifact}",
            "Restore it to a new name, in target.path; never over another database.",
        )  # fmt: skip
    if name == postgresql.recovery.maintenance_database:
        raise not_allowed(
            request, f"the database {name!r} is the one to be connected to while it is replaced",
            "Name another one that the account for restoring may connect to in postgresql.recovery.maintenance_database.",
        )  # fmt: skip


def _require_new_name(request: RecoveryRequest, name: str, postgresql: Postgresql) -> None:
    """Raise for what cannot be a new database's name, or is surely that of one that exists."""
    require_name(name)
    if name in (*_RESERVED, postgresql.recovery.maintenance_database):
        raise not_allowed(
            request, f"the database {name!r} is the server's own", "Give a name that is new on the server."
        )  # fmt: skip
