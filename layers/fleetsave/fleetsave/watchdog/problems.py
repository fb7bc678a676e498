"""The words for what is wrong: each problem says what, and exactly what to type next."""

from collections.abc import Sequence
from datetime import datetime
from shlex import quote

from fleetsave.catalog.histories import Place
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.history import Backup
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.recoveries import Recovery
from fleetsave.model.watch import Problem, ProblemKind
from fleetsave.store.base import OpenUpload

STATUS = "fleetsave status"
LOOK = "fleetsave watch"
PUSH = "fleetsave config push fleet.yaml"
SHOW_FLEET = "fleetsave config show"
SCHEDULES = "aws scheduler list-schedules"


def list_command(place: Place, artifact: str | None = None) -> str:
    """Return the command that lists the backups of a place, or of one artifact there."""
    return f"fleetsave list --server {place[0]} --kind {place[1]}" + (f" --artifact {artifact}" if artifact else "")


def list_of(artifact_id: ArtifactId) -> str:
    """Return the command that lists the backups of one artifact."""
    return list_command((artifact_id.server_id, artifact_id.kind), artifact_id.artifact)


def of_artifact(
    kind: ProblemKind,
    artifact_id: ArtifactId,
    what: str,
    since: datetime,
    command: str,
    *,
    key: str | None = None,
    good: Backup | None = None,
) -> Problem:
    """Return a problem of one artifact; `good` is its newest verified backup."""
    last_good = good.key.text if good else None
    return Problem(kind, what, since, command, artifact_id.server_id, str(artifact_id), key, last_good)


def unlisted(server_id: str, errors: Sequence[FleetsaveError], now: datetime) -> Problem:
    """Return the problem of a server of which something could not be listed: nobody knows what is there."""
    causes = "; ".join(sorted({f"{error.operation} {error.target}: {error.cause}" for error in errors}))
    what = f"it could not be looked at whole: {causes}"
    return Problem(ProblemKind.UNREADABLE, what[:1000], now, LOOK, server_id)


def not_understood(server_id: str | None, error: FleetsaveError, now: datetime) -> Problem:
    """Return the problem of one object that is not what it should be."""
    what = f"{error.cause}. {error.hint}"
    return Problem(ProblemKind.UNREADABLE, what, now, LOOK, server_id, key=error.target[:300])


def part_failed(part: str, error: FleetsaveError, now: datetime) -> Problem:
    """Return the problem of a part of the fleet as a whole that did not do what it was asked."""
    return Problem(ProblemKind.UNREADABLE, f"{error.operation}: {error.cause}. {error.hint}", now, LOOK, key=part)


def foreign_upload(upload: OpenUpload) -> Problem:
    """Return the problem of an upload that was begun at a key that is none of ours."""
    which = f"--key {quote(upload.key)} --upload-id {quote(upload.upload_id)}"
    command = f'aws s3api abort-multipart-upload --bucket "$FLEETSAVE_BUCKET" {which}'
    what = "an upload lies open at a key that fleetsave does not use; it is left alone"
    return Problem(ProblemKind.STALE_UPLOAD, what, upload.started_at, command, key=upload.key[:300])


def stale_upload(upload: OpenUpload, key: BackupKey, done: str) -> Problem:
    """Return the problem of an upload of a backup that goes on no more."""
    return of_artifact(
        ProblemKind.STALE_UPLOAD, key.artifact_id, f"an upload of it lies open and nobody is at work on it; {done}",
        upload.started_at, list_of(key.artifact_id), key=key.text,
    )  # fmt: skip


def stalled_recovery(recovery: Recovery) -> Problem:
    """Return the problem of a recovery that somebody waits for, and that nobody works on."""
    last = recovery.records[-1]
    what = (
        f"recovery {recovery.id} is not finished, and nobody has worked on it since it was {last.state}: the runbook's page on "
        "recoveries says how to go on with it; nothing of the server is pruned meanwhile"
    )
    return Problem(ProblemKind.RECOVERY_STALLED, what, last.at, f"fleetsave recover show {recovery.id}", recovery.id.server_id)
