"""A dry run's look goes to the recover function and comes back as it was, whatever stood in the way."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from fleetsave.model.errors import InvalidInputError, RestoreError
from fleetsave.model.kinds import Kind
from fleetsave.model.recovery_records import RecoveryRequest, Survey, TableRows, TargetState
from fleetsave.surveyor import FunctionSurveyor, answer, read_request

REQUEST = RecoveryRequest("central", Kind.POSTGRESQL, "central", "arn:aws:iam::1:user/op", "0" * 64)
SURVEY = Survey(
    TargetState.HEALTHY, 4096, None, None, None, None, 4096, ["app x2"], "PostgreSQL 16.15", ["a note"],
    [TableRows("public.players", None, 5000)],
)  # fmt: skip
REFUSED = RestoreError("look at", "game on db:5432", "roles are missing: game", "Make them.", reason="missing_roles")


class Function:
    """Stands where Lambda's client would; answers what `handle` gives for the event, or raises."""

    def __init__(self, handle: Any, *, failed: bool = False) -> None:
        self._handle = handle
        self._failed = failed
        self.events: list[dict[str, Any]] = []

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert FunctionName == "fleetsave-recover"
        self.events.append(json.loads(Payload))
        body = self._handle(self.events[-1])
        return {"Payload": io.BytesIO(json.dumps(body).encode()), **({"FunctionError": "Unhandled"} if self._failed else {})}


def surveyor(handle: Any, **given: Any) -> FunctionSurveyor:
    return FunctionSurveyor(Function(handle, **given), "fleetsave-recover")


def test_the_function_is_asked_for_what_was_requested_and_its_survey_comes_back() -> None:
    function = Function(lambda event: answer(SURVEY) if read_request(event) == REQUEST else None)
    assert FunctionSurveyor(function, "fleetsave-recover").survey(REQUEST) == SURVEY
    assert function.events[0].keys() == {"survey"}


def test_what_stands_in_the_way_comes_back_with_its_reason_and_hint() -> None:
    with pytest.raises(RestoreError) as refused:
        surveyor(lambda _: answer(REFUSED)).survey(REQUEST)
    assert refused.value.as_dict() == REFUSED.as_dict()


def raises(error: Exception) -> Any:
    def handle(_: Any) -> None:
        raise error

    return handle


@pytest.mark.parametrize(
    "given",
    [
        {"handle": raises(ClientError({"Error": {"Code": "AccessDeniedException"}}, "Invoke"))},
        {"handle": raises(ReadTimeoutError(endpoint_url="https://lambda"))},
        {"handle": lambda _: {"errorType": "Runtime.ExitError"}, "failed": True},
        {"handle": lambda _: {"survey": {"size": 3}}},
        {"handle": lambda _: {}},
    ],
    ids=["denied", "timeout", "crashed", "half an answer", "no answer"],
)
def test_a_function_that_does_not_answer_is_a_look_that_may_be_had_later(given: dict[str, Any]) -> None:
    with pytest.raises(RestoreError) as refused:
        surveyor(**given).survey(REQUEST)
    assert (refused.value.reason, refused.value.retryable) == ("not_asked", True)


@pytest.mark.parametrize("event", [{"survey": None}, {"survey": {"server_id": "central"}}, {"survey": {"kind": "secrets"}}])
def test_a_call_that_is_none_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="survey"):
        read_request(event)
