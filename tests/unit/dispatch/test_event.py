"""The schedule's message gives the kind and the slot, or a clear refusal."""

import json
from datetime import UTC, datetime

import pytest

from fleetsave.dispatch.event import parse_event
from fleetsave.model.errors import InvalidInputError
from fleetsave.model.kinds import Kind
from fleetsave.model.slots import Slot

NOW = datetime(2024, 1, 1, 12, 0, 3, tzinfo=UTC)


def body(**values: object) -> str:
    return json.dumps({"kind": "database", "period_minutes": 60} | values)


def test_the_slot_is_the_scheduled_time_floored_to_the_period() -> None:
    kind, slot = parse_event(body(slot="2024-01-01T12:00:41Z"), NOW)
    assert (kind, slot.text) == (Kind.DATABASE, "20240101_120000")


def test_a_late_delivery_keeps_its_scheduled_slot() -> None:
    _, slot = parse_event(body(slot="2024-01-01T09:00:00Z"), NOW)
    assert slot.text == "20240101_090000"


def test_an_unfilled_placeholder_falls_back_to_the_events_time_and_then_to_now() -> None:
    placeholder = "<aws.scheduler.scheduled-time>"
    assert parse_event(body(slot=placeholder, time="2024-01-01T11:59:59Z"), NOW)[1].text == "20240101_110000"
    assert parse_event(body(slot=placeholder), NOW)[1].text == "20240101_120000"


def test_the_period_decides_the_slot() -> None:
    assert parse_event(body(kind="files", period_minutes=360), NOW)[1].text == "20240101_120000"
    assert parse_event(body(kind="full", period_minutes=1440), NOW)[1].text == "20240101_000000"


def test_a_message_of_an_earlier_version_is_still_read() -> None:
    assert parse_event(body(slot="2024-01-01T12:00:00Z", cron="cron(0 * * * ? *)"), NOW) == (
        Kind.DATABASE,
        Slot(NOW.replace(second=0)),
    )


@pytest.mark.parametrize(
    "message",
    ["", "{not json", "[]", body(kind="everything"), body(period_minutes=0), body(slot="1970-01-01T00:00:00Z"), body(kind=None)],
)
def test_what_no_schedule_sends_is_refused(message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_event(message, NOW)
    assert "template.yaml" in caught.value.hint
    assert not caught.value.retryable
