"""Problems: each reason with its status, and nothing in a body that does not belong there."""

import re
from pathlib import Path

import pytest

from fleetsave.api import problems
from fleetsave.model.errors import ConfigurationError, FleetsaveError, InvalidInputError, QueueError, RecoveryRefusedError
from fleetsave.model.recoveries import Reason

PAGE = Path(__file__).parents[3] / "docs" / "api.md"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_for_a_refusal_has_a_status_of_its_own(reason: Reason) -> None:
    refusal = problems.refusal_of(RecoveryRefusedError("recover", "server_001", "so it is", "Do that.", reason=reason))
    assert (refusal.reason, refusal.status.value // 100) == (reason, 4)


def test_the_page_names_every_type_with_its_status() -> None:
    rows = re.findall(r"^\| ([0-9, ]+) \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE)
    named = {
        (reason, status)
        for statuses, reasons in rows
        for reason in re.findall(r"`(\w+)`", reasons)
        for status in re.findall(r"\d+", statuses)
    }
    assert {(str(reason), str(status.value)) for reason, (status, _) in problems.TYPES.items()} <= named
    assert {reason for reason, _ in named} == set(problems.TYPES)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InvalidInputError("read", "x", "it is none", "Give one."), "invalid_input"),
        (ConfigurationError("read fleet file", "fleet.yaml", "it is wrong", "Mend it."), "failed"),
        (ConfigurationError("read secret", "s", "throttled", "Wait.", retryable=True), "unavailable"),
        (QueueError("send", "q", "gone", "Wait.", retryable=True), "unavailable"),
        (RecoveryRefusedError("recover", "x", "who knows", "Ask.", reason="something_new"), "failed"),
    ],
)
def test_errors_are_told_in_their_own_words(error: FleetsaveError, reason: str) -> None:
    body = problems.refusal_of(error).body("r1")
    assert (body.reason, body.type) == (reason, f"urn:fleetsave:problem:{reason}")
    assert (body.operation, body.target, body.cause, body.hint) == (error.operation, error.target, error.cause, error.hint)
    assert body.instance == "urn:fleetsave:request:r1"


def test_what_was_given_is_repeated_only_in_part() -> None:
    body = problems.refusal_of(InvalidInputError("read", "x" * 1_000, "it is too long", "Shorten it.")).body("r1")
    assert len(body.target) == 100
    fields = problems.refusal_of_fields([{"type": "extra_forbidden", "loc": ("body", "y" * 1_000), "msg": "no"}]).body("r1")
    assert [len(error.field) for error in fields.errors] == [100]


def test_many_wrong_fields_make_one_short_cause() -> None:
    wrong = [{"type": "missing", "loc": ("body", f"f{number}"), "msg": "no"} for number in range(100)]
    body = problems.refusal_of_fields(wrong).body("r1")
    assert len(body.errors) == 100
    assert body.cause.count("is missing") == 10
