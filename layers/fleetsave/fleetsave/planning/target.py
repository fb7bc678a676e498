"""Where a recovery goes to, whatever its kind."""

from dataclasses import dataclass

from fleetsave.model.errors import RecoveryRefusedError
from fleetsave.model.keys import ArtifactId
from fleetsave.model.recoveries import Reason
from fleetsave.model.recovery_records import RecoveryRequest


@dataclass(frozen=True)
class Origin:
    """Where a SQLite database comes from: its artifact's name, and the path it was captured at."""

    artifact: str
    source_path: str


@dataclass(frozen=True)
class Target:
    """One place on one server: the path of a file or folder, or a database's name.

    `artifact_id` is None where nothing may stand yet. `before` and `after` are the commands that stop and start what uses it,
    None where there are none.
    """

    server_id: str
    path: str
    artifact_id: ArtifactId | None
    before: str | None = None
    after: str | None = None


def not_allowed(request: RecoveryRequest, cause: str, hint: str) -> RecoveryRefusedError:
    """Return the error for a place that the fleet file does not allow."""
    return RecoveryRefusedError("recover", request.target_server_id, cause, hint, reason=Reason.TARGET_NOT_ALLOWED)
