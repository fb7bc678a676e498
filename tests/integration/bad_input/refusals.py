"""What a door says and keeps of one refusal, and all that must hold of it whatever the case."""

from dataclasses import dataclass
from typing import Any

import pytest

from functions.collect import app
from tests.functions.context import context
from tests.functions.test_dispatch import failures
from tests.integration.bad_input.station import Station

_FIELDS = ("error", "operation", "target", "cause", "hint", "message_id")


@dataclass(frozen=True)
class Heard:
    """What came of one message: whether it was kept for another delivery, and the errors in the log, in order."""

    kept: bool
    errors: list[dict[str, Any]]


class Ear:
    """Calls doors and reads all that they write; `texts` is everything heard so far."""

    def __init__(self, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
        self._caplog = caplog
        self._capsys = capsys
        self.texts: list[str] = []

    def collect(self, station: Station) -> Heard:
        """Give the station's message to the door of collect."""
        return self.hear(lambda given: app.handler(given, context()), station.event())

    def hear(self, door: Any, given: dict[str, Any]) -> Heard:
        """Give an event to a door."""
        self._caplog.clear()
        reply = door(given)
        records = [vars(record) for record in self._caplog.records if record.levelname in ("WARNING", "ERROR", "CRITICAL")]
        written = self._capsys.readouterr()
        self.texts += [written.out, written.err, *(repr(vars(record)) for record in self._caplog.records)]
        return Heard(bool(failures(reply)), records)


def assert_clear(heard: Heard, *, error: str, says: str, retryable: bool) -> dict[str, Any]:
    """Make sure that one error was heard, which tells a person what, where, why and what to do next; return it."""
    (said,) = heard.errors
    assert said["error"] == error, said
    assert all(len(str(said[field])) > 2 for field in _FIELDS), said
    assert says in f"{said['operation']} {said['target']}: {said['cause']}. {said['hint']}", said
    assert said["retryable"] is retryable
    return said


def assert_unharmed(station: Station, digests: dict[str, str], ear: Ear) -> None:
    """Make sure that nothing half-done is left, the game's files are as they were, and no secret was shown."""
    assert station.leftovers() == []
    assert station.digests() == digests
    texts = [*ear.texts, str(station.failure())]
    assert not [text for text in texts if any(canary in text for canary in station.canaries())]
