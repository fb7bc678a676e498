"""Dispatch, verify and prune before a store that is missing or refuses: one clear error, the message kept, nothing done."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from functions.dispatch import app as dispatch
from functions.prune import app as prune
from functions.verify import app as verify
from tests.functions.context import context, event
from tests.integration.bad_input.refusals import Ear, assert_clear, assert_unharmed
from tests.integration.bad_input.station import Station

DOORS = [
    pytest.param(dispatch, "dispatch", "unfilled_placeholder", id="dispatch"),
    pytest.param(verify, "verify", "by_hand", id="verify"),
    pytest.param(prune, "prune", "scheduled", id="prune"),
]


def no_bucket(station: Station) -> None:
    station.bucket = "no-such-bucket"


def no_rights(station: Station) -> None:
    station.identity = "stranger"


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [(no_bucket, "StoreError", "NoSuchBucket"), (no_rights, "AccessDeniedError", "Check the credentials")],
    ids=["bucket missing", "bucket denied"],
)
@pytest.mark.parametrize(("door", "function", "case"), DOORS)
def test_a_store_that_cannot_be_asked_keeps_the_message(
    station: Station,
    ear: Ear,
    monkeypatch: pytest.MonkeyPatch,
    door: ModuleType,
    function: str,
    case: str,
    spoil: Callable[[Station], None],
    error: str,
    says: str,
) -> None:
    given: dict[str, Any] = event(function, case)
    monkeypatch.setattr(door, "services", station.services)
    digests = station.digests()
    spoil(station)
    heard = ear.hear(lambda message: door.handler(message, context()), given)
    assert_clear(heard, error=error, says=says, retryable=False)
    assert heard.kept
    assert station.queue.jobs == []
    assert_unharmed(station, digests, ear)
