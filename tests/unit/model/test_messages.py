"""A queue's message is read as it should be, or refused with every field that is wrong and no value of any."""

from dataclasses import dataclass

import pytest
from pydantic import TypeAdapter

from fleetsave.model.errors import InvalidInputError
from fleetsave.model.messages import RunMessage, read_message


@dataclass(frozen=True)
class Errand:
    to: str
    times: int = 1


def read(body: str) -> Errand:
    return read_message(TypeAdapter(Errand), body, "errand", "errands", "Drop it.")


def read_run(body: str) -> RunMessage:
    return read_message(TypeAdapter(RunMessage), body, "run", "runs", "Drop it.")


def test_a_message_of_a_newer_or_older_version_is_read_for_what_is_known_of_it() -> None:
    assert read('{"to": "alpha", "by": "foot"}') == Errand("alpha")


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("hunter2", "body: Invalid JSON"),
        ("[]", "body: Input should be"),
        ("{}", "to: Field required"),
        ('{"to": ["hunter2"], "times": "hunter2"}', "to: Input should be a valid string; times: Input should be a valid integer"),
    ],
)
def test_what_does_not_fit_is_named_without_its_value(body: str, cause: str) -> None:
    with pytest.raises(InvalidInputError, match=r"read errand errands message") as caught:
        read(body)
    assert caught.value.cause.startswith(cause)
    assert caught.value.hint == "Drop it."
    assert "hunter2" not in str(caught.value)
    assert not caught.value.retryable


def test_a_run_is_real_for_the_schedule_even_if_it_left_its_placeholder_unfilled() -> None:
    assert not read_run('{"scheduled_time": "2024-01-02T03:15:00Z"}').dry_run
    assert not read_run('{"scheduled_time": "<aws.scheduler.scheduled-time>"}').dry_run


def test_a_person_asks_for_a_dry_run() -> None:
    assert read_run('{"dry_run": true}').dry_run


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"dryrun": true}',
        '{"dry_run": "true"}',
        '{"dry_run": false}',
        '{"scheduled_time": "2024-01-02T03:15:00Z", "dry_run": true}',
        '{"scheduled_time": "2024-01-02T03:15:00Z", "dryrun": true}',
    ],
)
def test_a_slip_of_the_pen_is_no_run(body: str) -> None:
    with pytest.raises(InvalidInputError, match="read run"):
        read_run(body)
