"""The door of prune: messages in the form SQS delivers them, reports of those that failed."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import AccessDeniedError, StoreError
from fleetsave.model.keys import RecordName
from fleetsave.settings import Settings
from functions.prune import app
from tests.fakes.memory_store import MemoryStore
from tests.unit.prune.bucket import NOW, Bucket

EVENTS = Path(__file__).parents[2] / "events" / "prune"


@dataclass(frozen=True)
class Context:
    """A run with this much time left, in milliseconds."""

    left: int = 900_000
    function_name: str = "prune"

    def get_remaining_time_in_millis(self) -> int:
        return self.left


@dataclass
class GivenServices:
    """What the door takes from the composition root."""

    store: MemoryStore
    catalog: Catalog
    settings: Settings = field(default_factory=lambda: Settings(bucket="fleet-backups"))

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket()
    monkeypatch.setattr(app, "services", lambda: GivenServices(made.store, made.catalog))
    return made


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Return what was counted, by metric."""
    values: dict[str, float] = {}
    monkeypatch.setattr(app, "count", lambda name, value=1: values.update({name: values.get(name, 0) + value}))
    return values


def handle(name: str, context: Context = Context()) -> list[str]:
    """Return the ids of the messages that failed."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    answer = app.handler(event, cast("LambdaContext", context))
    return [str(item["itemIdentifier"]) for item in answer["batchItemFailures"]]


def test_the_scheduled_message_deletes_what_is_due(
    bucket: Bucket, caplog: pytest.LogCaptureFixture, counted: dict[str, float]
) -> None:
    young, old = bucket.add_ages(1, 40)
    assert handle("scheduled") == []
    assert bucket.data() == {young.text}
    assert bucket.catalog.has(old, RecordName.PRUNED)
    assert counted == {"BackupsPruned": 1, "PruneRefused": 0, "PruneRetained": 0}
    assert [vars(record)["report"]["backups"]["deleted"] for record in caplog.records] == [1]


def test_a_dry_run_message_deletes_nothing(bucket: Bucket) -> None:
    keys = bucket.add_ages(1, 40)
    assert handle("dry_run") == []
    assert bucket.data() == {key.text for key in keys}


def test_a_malformed_message_fails_and_deletes_nothing(bucket: Bucket) -> None:
    keys = bucket.add_ages(1, 40)
    assert len(handle("malformed")) == 1
    assert bucket.data() == {key.text for key in keys}


def test_a_refused_run_fails_its_message(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    bucket.add_ages(1, 40)
    bucket.clock.now = NOW.replace(year=2036)
    assert len(handle("scheduled")) == 1
    assert vars(caplog.records[0])["error"] == "PruneRefusedError"


def test_a_bucket_without_a_fleet_file_fails_the_message(bucket: Bucket) -> None:
    keys = bucket.add_ages(1, 40)
    bucket.store.delete("config/fleet.yaml")
    assert len(handle("scheduled")) == 1
    assert bucket.data() == {key.text for key in keys}


def test_a_deletion_that_the_store_refuses_is_counted(bucket: Bucket, counted: dict[str, float]) -> None:
    bucket.add_ages(1, 40)
    bucket.store.fail("delete", AccessDeniedError("delete", "key", "the object is locked", "Wait."))
    assert handle("scheduled") == []
    assert counted == {"BackupsPruned": 0, "PruneRefused": 0, "PruneRetained": 1}


def test_a_failed_deletion_fails_the_message_and_the_next_delivery_finishes(bucket: Bucket) -> None:
    young, old = bucket.add_ages(1, 40)
    bucket.store.fail("delete", StoreError("delete", old.text, "SlowDown", "Wait.", retryable=True))
    assert len(handle("scheduled")) == 1
    assert handle("scheduled") == []
    assert bucket.data() == {young.text}


def test_near_its_deadline_the_run_stops_and_is_delivered_again(bucket: Bucket) -> None:
    bucket.add_ages(1, 40)
    assert len(handle("scheduled", Context(left=10_000))) == 1
    assert handle("scheduled") == []
