"""Every event of `events/collect` through its door."""

from typing import Any

import pytest

from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.collect.outcome import AlreadyStored
from fleetsave.model.errors import AccessDeniedError, ConfigurationError, HostKeyError, InvalidInputError, TransportError
from fleetsave.model.jobs import Job
from functions.collect import app
from tests.fakes.job_queue import RecordingQueue
from tests.fakes.memory_store import MemoryStore
from tests.functions.context import EVENTS, context, event
from tests.functions.test_dispatch import FLEET, failures

UNREACHABLE = TransportError("connect", "server_001", "connection refused", "Is it up?", retryable=True)
CHANGED_KEY = HostKeyError("connect", "server_001", "its host key is not pinned", "Compare it on the server.")


class World:
    """Stands where services() would; `error` is what collect raises."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.queue = RecordingQueue()
        self.error: Exception | None = None
        self.collected: list[Job] = []

    def collect_ports(self, *_: Any) -> None:
        return None

    def collect(self, job: Job, _: Any) -> AlreadyStored:
        self.collected.append(job)
        if self.error:
            raise self.error
        return AlreadyStored("key")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    given = World()
    write_fleet(given.store, FLEET)
    monkeypatch.setattr(app, "services", lambda: given)
    monkeypatch.setattr(app, "collect", given.collect)
    return given


def test_every_event_of_the_folder_has_a_test_here() -> None:
    tested = {"database", "continued", "repair", "glob_match", "postgresql", "files", "full", "older", "sweep", "hostile_server"}
    tested |= {"malformed"}
    assert {path.stem for path in (EVENTS / "collect").iterdir()} == tested


@pytest.mark.parametrize(
    ("case", "identity"),
    [
        ("database", "server_001/database/database/20240101_120000/0"),
        ("continued", "server_001/database/database/20240101_120000/3"),
        ("repair", "server_001/database/database/20240101_120001/0"),
        ("postgresql", "central/postgresql/postgresql/20240101_120000/0"),
        ("files", "server_001/files/files/20240101_120000/0"),
        ("full", "server_001/full/full/20240101_120000/0"),
        ("older", "server_001/database/database/20240101_120000/0"),
        ("sweep", "server_001/database/database/20240101_120000/0/sweep"),
        ("glob_match", "server_001/database/worlds-overworld/20240101_120000/0"),
    ],
)
def test_a_job_is_collected(world: World, case: str, identity: str) -> None:
    assert failures(app.handler(event("collect", case), context())) == []
    assert [job.identity for job in world.collected] == [identity]


@pytest.mark.parametrize("case", ["hostile_server", "malformed"])
def test_what_is_no_job_goes_to_the_dead_letter_queue_untouched(world: World, case: str) -> None:
    given = event("collect", case)
    assert failures(app.handler(given, context())) == [given["Records"][0]["messageId"]]
    assert world.collected == []
    assert world.queue.returned == ["AQEBexample"]
    assert world.queue.postponed == []


def test_a_job_that_the_fleet_file_contradicts_goes_there_too(world: World) -> None:
    world.error = InvalidInputError("capture", "'/etc/shadow'", "the fleet file says '/srv/game.db'", "Drop this one.")
    assert len(failures(app.handler(event("collect", "database"), context()))) == 1
    assert world.queue.returned == ["AQEBexample"]


def test_what_may_pass_comes_again_after_a_while(world: World) -> None:
    world.error = UNREACHABLE
    assert len(failures(app.handler(event("collect", "database"), context()))) == 1
    assert world.queue.postponed == [("AQEBexample", 1)]


def test_secrets_that_cannot_be_asked_for_now_are_asked_for_again_after_a_while(world: World) -> None:
    world.error = ConfigurationError("read secret", "key", "ThrottlingException", "Wait.", retryable=True)
    assert len(failures(app.handler(event("collect", "database"), context()))) == 1
    assert world.queue.postponed == [("AQEBexample", 1)]


def test_what_no_retry_mends_is_logged_and_counted_but_does_not_hold_up_the_server(
    world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    world.error = CHANGED_KEY
    assert failures(app.handler(event("collect", "database"), context())) == []
    assert "its host key is not pinned" in caplog.text
    assert "CollectFailed" in capsys.readouterr().out


def test_without_a_fleet_file_the_message_is_kept(world: World) -> None:
    world.store.delete("config/fleet.yaml")
    assert len(failures(app.handler(event("collect", "database"), context()))) == 1
    assert world.collected == []
    assert world.queue.returned == []
    assert world.queue.postponed == []


def test_what_a_store_refuses_is_kept_since_nothing_may_be_remembered_there(world: World) -> None:
    world.error = AccessDeniedError("begin upload", "servers/a", "AccessDenied", "Check the credentials.")
    assert len(failures(app.handler(event("collect", "database"), context()))) == 1
    assert world.queue.postponed == [("AQEBexample", 1)]


@pytest.mark.parametrize("error", [ConfigurationError("read secret", "store", "gone", "Create it."), ZeroDivisionError()])
def test_a_process_that_cannot_begin_says_so_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(app, "services", fail)
    assert len(failures(app.handler(event("collect", "database"), context()))) == 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert world.collected == []
