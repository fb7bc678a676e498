"""Asking what stands at a recovery's target now: by the recover function, which alone has the secrets for it."""

import json
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter, ValidationError

from fleetsave.model.errors import FleetsaveError, InvalidInputError, RestoreError
from fleetsave.model.recovery_records import Problem, RecoveryRequest, Survey

_REQUEST = TypeAdapter(RecoveryRequest)
_SURVEY = TypeAdapter(Survey)
_PROBLEM = TypeAdapter(Problem)


class Surveyor(Protocol):
    """What looks at a target, and writes nothing."""

    def survey(self, request: RecoveryRequest) -> Survey:
        """Look at what a request would replace. Raise RestoreError if it is not fit, or cannot be looked at now."""
        ...


class FunctionSurveyor:
    """The recover function, called and waited for; `client` is boto3's of Lambda, with a time limit and no tries of its own."""

    def __init__(self, client: Any, function: str) -> None:
        self._client = client
        self._function = function

    def survey(self, request: RecoveryRequest) -> Survey:
        """Call the function. Raise RestoreError: its own, or `not_asked` where it does not answer."""
        payload = json.dumps({"survey": json.loads(_REQUEST.dump_json(request))})
        try:
            reply = self._client.invoke(FunctionName=self._function, Payload=payload.encode())
            body = json.loads(reply["Payload"].read())
            if reply.get("FunctionError"):
                raise _not_asked(request, f"the recover function failed: {str(body)[:300]}")
            return read_answer(body)
        except (ClientError, BotoCoreError, ValueError, ValidationError) as error:
            raise _not_asked(request, f"the recover function does not answer: {type(error).__name__}") from error


def read_request(event: dict[str, Any]) -> RecoveryRequest:
    """Return what a call of the function is to look at. Raise InvalidInputError for anything else."""
    try:
        return _REQUEST.validate_python(event["survey"])
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        raise InvalidInputError(
            "read call", "survey", f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}", "The API makes these calls."
        ) from None


def answer(found: Survey | FleetsaveError) -> dict[str, Any]:
    """Return what the function answers."""
    if isinstance(found, Survey):
        return {"survey": json.loads(_SURVEY.dump_json(found))}
    reason = getattr(found, "reason", None)
    told = (type(found).__name__, found.operation, found.target, found.cause, found.hint, found.retryable)
    return {"problem": json.loads(_PROBLEM.dump_json(Problem(*told, str(reason) if reason else None)))}


def read_answer(body: dict[str, Any]) -> Survey:
    """Read an answer. Raise RestoreError with what stands in the way, ValidationError for what is no answer."""
    if "problem" in body:
        problem = _PROBLEM.validate_python(body["problem"])
        raise RestoreError(
            problem.operation, problem.target, problem.cause, problem.hint, reason=problem.reason or "not_fit",
            retryable=problem.retryable,
        )  # fmt: skip
    return _SURVEY.validate_python(body.get("survey"))


def _not_asked(request: RecoveryRequest, cause: str) -> RestoreError:
    return RestoreError(
        "look at", request.target_server_id, cause, "Look at the log of recover; the recovery itself looks again.",
        reason="not_asked", retryable=True,
    )  # fmt: skip
