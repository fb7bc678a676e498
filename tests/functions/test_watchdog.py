"""Every event of `events/watchdog` through its door: a look that mends is published and told, a dry one is neither."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.catalog.recoveries import Recoveries
from fleetsave.model.errors import StoreError
from fleetsave.model.kinds import Kind
from fleetsave.model.schedules import Schedule
from fleetsave.notices.ports import NoticePorts
from fleetsave.watchdog.ports import Ports
from functions.watchdog import app
from tests.fakes.job_queue import RecordingQueue, RecordingVerificationQueue
from tests.fakes.memory_store import MemoryStore
from tests.functions.context import context, event

NOW = datetime(2024, 1, 2, 3, 20, tzinfo=UTC)
FLEET = """
servers:
  - id: server_001
    ssh:
      host: game1.example.net
      user: backup
      key_secret: fleetsave/ssh/read-default
      host_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBmv"]
    databases: [{path: /srv/game/world.db}]
"""


@dataclass
class GivenServices:
    """What the door takes from the composition root."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(lambda: NOW))
    collect_queue: RecordingQueue = field(default_factory=RecordingQueue)
    verify_queue: RecordingVerificationQueue = field(default_factory=RecordingVerificationQueue)

    def watchdog_ports(self) -> Ports:
        return Ports(
            self.store, Catalog(self.store), Recoveries(self.store), self.collect_queue, self.verify_queue,
            {Kind.DATABASE: Schedule("cron(0 * * * ? *)", timedelta(hours=1))},
            rpo=timedelta(hours=2), reread=None, default_keep_for=timedelta(days=30), now=lambda: NOW,
        )  # fmt: skip

    def notice_ports(self) -> NoticePorts:
        return NoticePorts(self.store)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> GivenServices:
    services = GivenServices()
    write_fleet(services.store, FLEET)
    monkeypatch.setattr(app, "services", lambda: services)
    return services


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    values: dict[str, float] = {}
    monkeypatch.setattr(app, "publish", values.update)
    return values


def failed(name: str) -> list[str]:
    return [str(item["itemIdentifier"]) for item in app.handler(event("watchdog", name), context())["batchItemFailures"]]


def test_the_scheduled_look_asks_for_what_is_missing_and_publishes_it(
    given: GivenServices, published: Mapping[str, float]
) -> None:
    assert failed("scheduled") == []
    (job,) = [job for job in given.collect_queue.jobs if not job.sweep]
    assert (str(job.artifact_id), job.slot.text) == ("server_001/database/database", "20240102_030000")
    assert published["OldestBackupRatio"] == 1000
    assert published["CapturesMissing"] == 1
    assert published["NoticesFailed"] == 0


def test_a_dry_look_changes_nothing_and_tells_nobody(given: GivenServices, published: Mapping[str, float]) -> None:
    before = {info.key for info in given.store.list("")}
    assert failed("dry_run") == []
    assert (given.collect_queue.jobs, given.verify_queue.keys, published) == ([], [], {})
    assert {info.key for info in given.store.list("")} == before


def test_a_malformed_message_is_kept_for_a_person(given: GivenServices, published: Mapping[str, float]) -> None:
    assert len(failed("malformed")) == 1
    assert (given.collect_queue.jobs, published) == ([], {})


def test_a_store_that_does_not_answer_fails_the_message_and_publishes_nothing_so_that_the_dead_mans_switch_sees_it(
    given: GivenServices, published: Mapping[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    given.store.now = _unavailable  # type: ignore[method-assign]  # the store is gone
    assert len(failed("scheduled")) == 1
    assert published == {}
    assert "read the clock of fleet-backups: ServiceUnavailable" in caplog.text


def _unavailable() -> datetime:
    raise StoreError("read the clock of", "fleet-backups", "ServiceUnavailable", "Wait.", retryable=True)
