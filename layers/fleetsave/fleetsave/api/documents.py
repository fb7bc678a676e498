"""What the OpenAPI document says of each path, beside what the models say by themselves."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from fleetsave.api.problems import CONTENT_TYPE, TYPES, ProblemBody
from fleetsave.api.resources import BackupList, DryRun, RecoveryList, RecoveryResource, StatusShown
from fleetsave.model.recoveries import Reason

_RETRY = {"description": "seconds to wait before asking again", "schema": {"type": "integer", "minimum": 0}}
_LOCATION = {
    "description": "where the recovery is, relative to the address of the request",
    "schema": {"type": "string", "format": "uri-reference"},
}
_REPLAYED = {
    "description": "true where the same request had begun this recovery before",
    "schema": {"type": "string", "enum": ["true"]},
}

_CHOICE = (
    Reason.UNKNOWN_SERVER, Reason.UNKNOWN_ARTIFACT, Reason.UNKNOWN_BACKUP, Reason.NO_BACKUP, Reason.AMBIGUOUS_ARTIFACT,
    Reason.OTHER_SERVERS_BACKUP, Reason.WRONG_TYPE, Reason.UNKNOWN_PART, Reason.NOTHING_CHOSEN, Reason.LINKS_OUT,
    Reason.TARGET_NOT_ALLOWED, Reason.PRUNED,
    Reason.REJECTED, Reason.NOT_VERIFIED, Reason.RECOVERY_RUNNING, Reason.IDEMPOTENCY_MISMATCH,
)  # fmt: skip
_BODY = ("malformed_json", "unsupported_media_type")
_EVERYWHERE = ("invalid_input", "unavailable", "failed", "defect")


class GatewayMessage(BaseModel):
    """What API Gateway itself says before a request reaches fleetsave: not signed, not allowed, too many."""

    message: str | None = None


def _answer(model: type[BaseModel], description: str, **headers: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"description": description, "content": {"application/json": {"model": model}}}
    if headers:
        found["headers"] = {name.replace("_", "-"): header for name, header in headers.items()}
    return found


def _problems(*reasons: str) -> dict[int, dict[str, Any]]:
    """Return an answer for each status that the reasons have, naming its types."""
    named: dict[HTTPStatus, list[str]] = {}
    for reason in (*reasons, *_EVERYWHERE):
        named.setdefault(TYPES[reason][0], []).append(reason)
    found: dict[int, dict[str, Any]] = {
        status.value: {
            "description": f"{status.phrase}: {', '.join(f'`{reason}`' for reason in names)}",
            "content": {CONTENT_TYPE: {"model": ProblemBody}},
        }
        for status, names in named.items()
    }
    found[503]["headers"] = {"Retry-After": _RETRY}
    if Reason.RECOVERY_RUNNING in reasons:
        found[409]["headers"] = {"Location": _LOCATION}
    for status in (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS):
        found[status.value] = _answer(GatewayMessage, f"{status.phrase}: said by API Gateway, not by fleetsave")
    return found


_BEGUN = _answer(
    RecoveryResource, "the recovery, begun and queued",
    Location=_LOCATION, Retry_After=_RETRY, Idempotency_Replayed=_REPLAYED,
)  # fmt: skip

RECOVER: dict[str, Any] = {
    "operation_id": "recover",
    "tags": ["recoveries"],
    "summary": "Restore a backup",
    "description": "Brings a backup back to where it came from, or to `target`: the newest verified one unless `backup_key` or "
    "`at` says which. What is there now is first backed up and verified; the copy is checked on the server before it takes over "
    "and after; `undo` takes it back. With `dry_run` it only says what it would do. A server has one recovery at a time. A "
    "PostgreSQL database is restored into a new one, which takes its name once it is proven; the old one is kept.",
    "responses": {
        200: _answer(DryRun, "with `dry_run`: what would be done; nothing was written or queued"),
        202: _BEGUN,
        **_problems(*_BODY, *_CHOICE),
    },
}
GET_RECOVERY: dict[str, Any] = {
    "operation_id": "getRecovery",
    "tags": ["recoveries"],
    "summary": "Look at a recovery",
    "description": "Tells where a recovery stands, its plan, each step, and at its end the proof or the problem.",
    "responses": {
        200: _answer(RecoveryResource, "the recovery; Retry-After while it is not finished", Retry_After=_RETRY),
        **_problems(Reason.UNKNOWN_RECOVERY),
    },
}
LIST_RECOVERIES: dict[str, Any] = {
    "operation_id": "listRecoveries",
    "tags": ["recoveries"],
    "summary": "List a server's recoveries",
    "description": "The newest first, 20 a page. A server without recoveries, or that there is none of, has an empty list.",
    "responses": {200: _answer(RecoveryList, "a page of recoveries"), **_problems()},
}
CANCEL: dict[str, Any] = {
    "operation_id": "cancelRecovery",
    "tags": ["recoveries"],
    "summary": "Cancel a recovery",
    "description": "Asks a recovery to stop before it replaces anything; asking again is no error. Once the restored copy is "
    "taking its place it is too late: wait for the end, then undo.",
    "responses": {
        202: _answer(
            RecoveryResource, "the recovery, asked to stop", Location=_LOCATION, Retry_After=_RETRY
        ),
        **_problems(*_BODY, Reason.UNKNOWN_RECOVERY, Reason.TOO_LATE, Reason.ALREADY_FINISHED),
    },
}  # fmt: skip
UNDO: dict[str, Any] = {
    "operation_id": "undoRecovery",
    "tags": ["recoveries"],
    "summary": "Take a recovery back",
    "description": "Begins a new recovery, of the safety backup that the recovery made of what was there, to the same place. It "
    "can be done as long as that backup is kept.",
    "responses": {
        202: _BEGUN,
        **_problems(*_BODY, Reason.UNKNOWN_RECOVERY, Reason.NOTHING_TO_UNDO, *_CHOICE),
    },
}
LIST_BACKUPS: dict[str, Any] = {
    "operation_id": "listBackups",
    "tags": ["backups"],
    "summary": "List a server's backups",
    "description": "The newest first, 100 a page, safety backups and pruned ones among them and marked.",
    "responses": {200: _answer(BackupList, "a page of backups"), **_problems()},
}
STATUS: dict[str, Any] = {
    "operation_id": "status",
    "tags": ["fleet"],
    "summary": "Tell whether the fleet is safe",
    "description": "Every artifact of the fleet file with the age of its newest verified backup, computed from the bucket alone; "
    "of one server with `server_id`, which a fleet of more than 1,500 takes too long without. The status of the answer is 200 "
    "whether the fleet is safe or not: see `is_safe`.",
    "responses": {200: _answer(StatusShown, "how safe each artifact is"), **_problems(Reason.UNKNOWN_SERVER)},
}
OPENAPI: dict[str, Any] = {"include_in_schema": False}
