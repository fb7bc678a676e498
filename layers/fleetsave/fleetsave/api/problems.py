"""What is answered when a request is not granted: RFC 9457 problems, one type for each reason, the same words as the errors.

Types are URNs, `urn:fleetsave:problem:<reason>`: they name and do not address, so they stay what they are behind every host
name and stage, and no client is led to look them up; docs/api.md explains each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fleetsave.model.errors import FleetsaveError, InvalidInputError, RecoveryRefusedError
from fleetsave.model.recoveries import Reason

CONTENT_TYPE = "application/problem+json"
PREFIX = "urn:fleetsave:problem:"
RETRY_AFTER_SECONDS = 5

INVALID_INPUT = "invalid_input"
MALFORMED_JSON = "malformed_json"
UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
NOT_FOUND = "not_found"
METHOD_NOT_ALLOWED = "method_not_allowed"
UNAVAILABLE = "unavailable"
FAILED = "failed"
DEFECT = "defect"

_LONGEST = 100
"""Characters of what was given that an answer repeats at most."""

TYPES: Mapping[str, tuple[HTTPStatus, str]] = {
    INVALID_INPUT: (HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not of the accepted form"),
    MALFORMED_JSON: (HTTPStatus.BAD_REQUEST, "The body is not JSON"),
    UNSUPPORTED_MEDIA_TYPE: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body is not sent as JSON"),
    NOT_FOUND: (HTTPStatus.NOT_FOUND, "There is no such path"),
    METHOD_NOT_ALLOWED: (HTTPStatus.METHOD_NOT_ALLOWED, "The path does not take this method"),
    Reason.UNKNOWN_SERVER: (HTTPStatus.NOT_FOUND, "The fleet has no such server"),
    Reason.UNKNOWN_ARTIFACT: (HTTPStatus.NOT_FOUND, "The server has no such artifact"),
    Reason.UNKNOWN_BACKUP: (HTTPStatus.NOT_FOUND, "There is no such backup"),
    Reason.NO_BACKUP: (HTTPStatus.NOT_FOUND, "There is no backup that fits"),
    Reason.UNKNOWN_RECOVERY: (HTTPStatus.NOT_FOUND, "There is no such recovery"),
    Reason.AMBIGUOUS_ARTIFACT: (HTTPStatus.UNPROCESSABLE_ENTITY, "The server has several artifacts of that type"),
    Reason.OTHER_SERVERS_BACKUP: (HTTPStatus.UNPROCESSABLE_ENTITY, "The backup is another server's"),
    Reason.WRONG_TYPE: (HTTPStatus.UNPROCESSABLE_ENTITY, "The backup is of another type"),
    Reason.UNKNOWN_PART: (HTTPStatus.UNPROCESSABLE_ENTITY, "The full backup has no such part"),
    Reason.NOTHING_CHOSEN: (HTTPStatus.UNPROCESSABLE_ENTITY, "Nothing in the backup matches the paths"),
    Reason.LINKS_OUT: (HTTPStatus.UNPROCESSABLE_ENTITY, "Links in the backup lead out of its folder"),
    Reason.TARGET_NOT_ALLOWED: (HTTPStatus.UNPROCESSABLE_ENTITY, "The fleet file does not allow that target"),
    Reason.PRUNED: (HTTPStatus.GONE, "The backup has been pruned"),
    Reason.REJECTED: (HTTPStatus.CONFLICT, "The backup was rejected by its verification"),
    Reason.NOT_VERIFIED: (HTTPStatus.CONFLICT, "The backup is not verified"),
    Reason.RECOVERY_RUNNING: (HTTPStatus.CONFLICT, "Another recovery is under way on the server"),
    Reason.IDEMPOTENCY_MISMATCH: (HTTPStatus.CONFLICT, "The Idempotency-Key was used for another request"),
    Reason.TOO_LATE: (HTTPStatus.CONFLICT, "It is too late to cancel"),
    Reason.ALREADY_FINISHED: (HTTPStatus.CONFLICT, "The recovery is finished"),
    Reason.NOTHING_TO_UNDO: (HTTPStatus.CONFLICT, "There is nothing to undo"),
    UNAVAILABLE: (HTTPStatus.SERVICE_UNAVAILABLE, "A service that this needs did not answer as it should"),
    FAILED: (HTTPStatus.INTERNAL_SERVER_ERROR, "This cannot be answered before somebody mends something"),
    DEFECT: (HTTPStatus.INTERNAL_SERVER_ERROR, "fleetsave has a defect"),
}
"""Every type of problem, by its last part: its status and its title."""


class FieldProblem(BaseModel):
    """One field of a request that is wrong: where it stands, and why."""

    model_config = ConfigDict(extra="forbid")

    field: str
    message: str


class ProblemBody(BaseModel):
    """A problem as RFC 9457 has it, with what fleetsave's errors say: what failed, on what, why, and what to do.

    `reason` is the last part of `type`. `instance` names this one answer: the function's log has its end as request_id.
    `retryable` tells whether the same request may be granted later without anybody changing anything. `errors` names the
    fields that are wrong, `recovery_id` the recovery that stands in the way.
    """

    model_config = ConfigDict(extra="forbid")

    type: str = Field(pattern=r"^urn:fleetsave:problem:[a-z_]+$")
    reason: str
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    instance: str
    operation: str
    target: str
    cause: str
    hint: str
    retryable: bool
    errors: list[FieldProblem] = Field(default_factory=list)
    recovery_id: str | None = None


@dataclass(frozen=True)
class Refusal:
    """A problem on its way out: its body, without the address of this answer, and the headers that go with it."""

    reason: str
    operation: str
    target: str
    cause: str
    hint: str
    retryable: bool = False
    errors: Sequence[FieldProblem] = ()
    recovery_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> HTTPStatus:
        """Return the status of the answer."""
        return TYPES[self.reason][0]

    def body(self, request_id: str) -> ProblemBody:
        """Return the body of the answer to one request."""
        target, cause = _brief(self.target), self.cause
        return ProblemBody(
            type=PREFIX + self.reason,
            reason=self.reason,
            title=TYPES[self.reason][1],
            status=self.status.value,
            detail=f"{self.operation} {target}: {cause}",
            instance=f"urn:fleetsave:request:{request_id}",
            operation=self.operation,
            target=target,
            cause=cause,
            hint=self.hint,
            retryable=self.retryable,
            errors=list(self.errors),
            recovery_id=self.recovery_id,
        )


def refusal_of(error: FleetsaveError) -> Refusal:
    """Return the problem that an error is."""
    reason = _reason(error)
    return Refusal(
        reason,
        error.operation,
        error.target,
        error.cause,
        error.hint,
        error.retryable,
        recovery_id=error.recovery_id if isinstance(error, RecoveryRefusedError) else None,
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)} if reason == UNAVAILABLE else {},
    )


def refusal_of_fields(problems: Sequence[Mapping[str, Any]]) -> Refusal:
    """Return the problem that a request's fields are, as pydantic names them; no value that was given is repeated."""
    if any(problem["type"] == "json_invalid" for problem in problems):
        told = str(problems[0].get("ctx", {}).get("error", "it ends too early"))
        return Refusal(
            MALFORMED_JSON, "read", "body", told, "Send one JSON object, in UTF-8, each of its keys once."
        )  # fmt: skip
    errors = [FieldProblem(field=_field(problem["loc"]), message=_message(problem)) for problem in problems]
    cause = "; ".join(f"{error.field}: {error.message}" for error in errors[:10])
    return Refusal(INVALID_INPUT, "read", "request", cause, "See GET /openapi.json.", errors=errors)


def defect() -> Refusal:
    """Return the problem that stands for an error nobody expected; what it is stands in the log."""
    hint = "Report it with the log of the function api; `instance` ends with its request_id."
    return Refusal(DEFECT, "answer", "request", "an error that nobody expected", hint)


def _reason(error: FleetsaveError) -> str:
    if error.retryable:
        return UNAVAILABLE
    if isinstance(error, RecoveryRefusedError):
        return error.reason if error.reason in TYPES else FAILED
    return INVALID_INPUT if isinstance(error, InvalidInputError) else FAILED


def _field(place: Sequence[str | int]) -> str:
    parts = [str(part) for part in place]
    return _brief(".".join(parts[1:]) or parts[0])


def _message(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        return "there is no such field"
    return "is missing" if problem["type"] == "missing" else str(problem["msg"]).removeprefix("Value error, ")


def _brief(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
