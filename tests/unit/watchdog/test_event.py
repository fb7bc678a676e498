"""The watchdog's message says plainly whether to mend; a slip of the pen never does."""

import pytest

from fleetsave.model.errors import InvalidInputError
from fleetsave.watchdog.event import parse_event


def test_the_schedule_asks_for_a_look_that_mends() -> None:
    assert parse_event('{"scheduled_time": "2024-01-02T03:15:00Z"}')


def test_a_placeholder_that_the_scheduler_left_unfilled_does_not_matter() -> None:
    assert parse_event('{"scheduled_time": "<aws.scheduler.scheduled-time>"}')


def test_a_dry_look_mends_nothing() -> None:
    assert not parse_event('{"dry_run": true}')


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
def test_anything_else_is_refused(body: str) -> None:
    with pytest.raises(InvalidInputError, match="read watchdog event"):
        parse_event(body)
