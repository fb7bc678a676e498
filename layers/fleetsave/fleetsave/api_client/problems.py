"""What it means when the recovery API does not answer as it should, and what to do about it."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

from fleetsave.model.errors import ApiProblemError

_AGAIN = frozenset({429, 500, 502, 503, 504})
_GATEWAY_HINTS = (
    ("not authorized to perform", "Allow the caller execute-api:Invoke on this method (docs/runbook-recovery.md)."),
    ("missing authentication token", "There is no such path: check the address, and its stage."),
    ("expired", "Renew the credentials, and check this machine's clock."),
    ("not yet current", "Set this machine's clock."),
    ("signature we calculated does not match", "Check the secret access key and the region."),
    ("security token", "Check the credentials: they are unknown there."),
    ("too large", "Send less."),
)
"""Parts of what API Gateway says before a request reaches the function, in small letters, and what to do."""


def unanswered(error: BotoCoreError, operation: str, target: str) -> ApiProblemError:
    """Return the error of a request that nothing came back from."""
    if isinstance(error, SSLError):
        return ApiProblemError(
            operation, target, "its certificate cannot be trusted",
            "Check the address; a private authority is trusted through AWS_CA_BUNDLE.", status=None,
        )  # fmt: skip
    if isinstance(error, ReadTimeoutError):
        cause, hint = "it did not answer in time", "Ask again with the same Idempotency-Key; look whether a recovery was begun."
    elif isinstance(error, (ConnectTimeoutError, EndpointConnectionError)):
        cause, hint = "it cannot be reached", "Check the address, the network, and that the stack is deployed."
    else:
        cause, hint = "the connection broke", "Ask again; look first whether a recovery was begun."
    return ApiProblemError(operation, target, cause, hint, status=None, retryable=True)


def problem_of(status: int, document: dict[str, Any] | None, operation: str, target: str) -> ApiProblemError:
    """Return the error of an answer that is none of ours to use: an RFC 9457 problem, API Gateway's own, or no JSON at all."""
    told = document or {}
    retryable = status in _AGAIN
    if "title" in told:
        return _told_problem(status, told, operation, target)
    message = _short(told.get("message") or told.get("Message"))
    if message:
        return ApiProblemError(
            operation,
            target,
            f"{status}: {message.rstrip('.')}",
            _gateway_hint(status, message),
            status=status,
            retryable=retryable,
        )
    cause = f"it answered {status} with something that is no JSON object"
    return ApiProblemError(operation, target, cause, _no_json_hint(status), status=status, retryable=retryable)


def _told_problem(status: int, told: Mapping[str, Any], operation: str, target: str) -> ApiProblemError:
    wrong = [f"{one.get('field')}: {one.get('message')}" for one in told.get("errors") or () if isinstance(one, dict)]
    cause = _short(told.get("cause") or told.get("detail") or told["title"]).rstrip(".")
    retryable = told.get("retryable")
    return ApiProblemError(
        _short(told.get("operation")) or operation,
        _short(told.get("target")) or target,
        "; ".join([cause, *map(_short, wrong)]),
        _short(told.get("hint")) or "See docs/runbook-recovery.md, which explains every reason.",
        status=status,
        reason=_short(told.get("reason")) or None,
        retryable=retryable if isinstance(retryable, bool) else status in _AGAIN,
    )


def _short(text: object) -> str:
    """Return the first line of a text. API Gateway repeats the signed request, session token and all, in the lines after it."""
    return text.strip().partition("\n")[0][:500] if isinstance(text, str) else ""


def _gateway_hint(status: int, message: str) -> str:
    for part, hint in _GATEWAY_HINTS:
        if part in message.lower():
            return hint
    return "Try again in a moment." if status in _AGAIN else "Check the address, the credentials and the region."


def _no_json_hint(status: int) -> str:
    if status in _AGAIN:
        return "Try again in a moment; the function's log says more."
    return "Check the address: is it the API, with its stage?"
