"""The watchdog's message says whether to mend; `tests/unit/model/test_messages.py` tells what else is refused."""

import pytest

from fleetsave.model.errors import InvalidInputError
from fleetsave.watchdog.event import parse_event


def test_the_schedule_asks_for_a_look_that_mends_and_a_dry_look_mends_nothing() -> None:
    assert parse_event('{"scheduled_time": "2024-01-02T03:15:00Z"}')
    assert not parse_event('{"dry_run": true}')


@pytest.mark.parametrize("body", ["{}", '{"dryrun": true}', '{"scheduled_time": "2024-01-02T03:15:00Z", "dry_run": true}'])
def test_anything_else_is_refused(body: str) -> None:
    with pytest.raises(InvalidInputError, match="read watchdog event"):
        parse_event(body)
