"""Prune's message says whether to delete; `tests/unit/model/test_messages.py` tells what else is refused."""

from datetime import UTC, datetime

import pytest

from fleetsave.model.errors import InvalidInputError
from fleetsave.prune.event import PruneRequest, parse_event


def test_the_schedule_asks_for_a_real_run() -> None:
    assert parse_event('{"scheduled_time": "2024-01-02T03:00:00Z"}') == PruneRequest(execute=True, as_of=None)


def test_a_dry_run_may_pretend_a_time() -> None:
    assert parse_event('{"dry_run": true}') == PruneRequest(execute=False, as_of=None)
    request = parse_event('{"dry_run": true, "as_of": "2024-02-02T03:00:00Z"}')
    assert request == PruneRequest(execute=False, as_of=datetime(2024, 2, 2, 3, tzinfo=UTC))


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"scheduled_time": "2024-01-02T03:00:00Z", "dry_run": true}',
        '{"scheduled_time": "2024-01-02T03:00:00Z", "as_of": "2024-01-02T03:00:00Z"}',
        '{"scheduled_time": "2024-01-02T03:00:00Z", "dryrun": true}',
        '{"dry_run": true, "as_of": "2024-01-02T03:00:00"}',
        '{"dry_run": true, "as_of": "yesterday"}',
    ],
)
def test_anything_else_is_refused(body: str) -> None:
    with pytest.raises(InvalidInputError, match="read prune event"):
        parse_event(body)
