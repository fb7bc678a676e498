"""Every event of `events/dispatch` through its door."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fleetsave.catalog.fleet_file import write_fleet
from functions.dispatch import app
from tests.fakes.job_queue import RecordingQueue
from tests.fakes.memory_store import MemoryStore
from tests.functions.context import EVENTS, context, event

FLEET = """
servers:
  - id: server_001
    ssh: {host: localhost, user: backup, host_keys: [ssh-ed25519 AAAA], key_secret: fleetsave/ssh/read-default}
    databases: [{path: /srv/game.db}, {name: worlds, path: '/srv/worlds/*.db'}]
"""


class World:
    """Stands where services() would, in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.queue = RecordingQueue()

    def now(self) -> datetime:
        return datetime(2024, 1, 1, 12, 0, 2, tzinfo=UTC)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    given = World()
    write_fleet(given.store, FLEET)
    monkeypatch.setattr(app, "services", lambda: given)
    return given


def failures(reply: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in reply["batchItemFailures"]]


def test_every_event_of_the_folder_has_a_test_here() -> None:
    tested = {"database", "unfilled_placeholder", "malformed", "postgresql", "files", "full"}
    assert {path.stem for path in (EVENTS / "dispatch").iterdir()} == tested


@pytest.mark.parametrize("case", ["database", "unfilled_placeholder"])
def test_a_database_schedule_queues_a_job_for_each_database(world: World, case: str) -> None:
    reply = app.handler(event("dispatch", case), context())
    assert failures(reply) == []
    assert [job.identity for job in world.queue.jobs] == [
        "server_001/database/database/20240101_120000/0",
        "server_001/database/worlds/20240101_120000/0",
    ]


@pytest.mark.parametrize("case", ["postgresql", "files", "full"])
def test_a_kind_that_no_server_has_is_no_failure(world: World, case: str) -> None:
    assert failures(app.handler(event("dispatch", case), context())) == []
    assert world.queue.jobs == []


def test_a_malformed_message_is_reported_so_that_it_ends_in_the_dead_letter_queue(world: World) -> None:
    malformed = event("dispatch", "malformed")
    assert failures(app.handler(malformed, context())) == [malformed["Records"][0]["messageId"]]
    assert world.queue.jobs == []


def test_a_missing_fleet_file_is_reported_and_says_what_to_do(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.store.delete("config/fleet.yaml")
    assert len(failures(app.handler(event("dispatch", "database"), context()))) == 1
    assert "fleetsave config push" in caplog.text
