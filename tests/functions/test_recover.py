"""Every event of `events/recover` through its door."""

from collections.abc import Callable
from typing import Any

import pytest

from fleetsave.catalog.fleet_file import write_fleet
from fleetsave.model.errors import (
    AccessDeniedError,
    CatalogError,
    ConfigurationError,
    FleetsaveError,
    ObjectNotFoundError,
    QueueError,
    TransportError,
)
from fleetsave.model.fleet import Fleet
from fleetsave.model.kinds import Kind
from fleetsave.model.recovery_jobs import RecoveryJob
from fleetsave.model.recovery_records import RecoveryRequest, RecoveryState, Survey, TargetState
from fleetsave.recover.outcome import Finished
from fleetsave.settings import Settings
from functions.recover import app
from tests.fakes.job_queue import RecordingRecoveryQueue
from tests.fakes.memory_store import MemoryStore
from tests.functions.context import EVENTS, context, event
from tests.functions.test_dispatch import FLEET, failures


class World:
    """Stands where services() would; `error` is what recover raises."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.recovery_queue = RecordingRecoveryQueue()
        self.error: Exception | None = None
        self.recovered: list[RecoveryJob] = []
        self.seconds_left = 0.0
        self.settings = Settings(bucket="backups")

    def recover_ports(self, fleet: Fleet, seconds_left: Callable[[], float]) -> None:
        assert [server.id for server in fleet.servers][:1] == ["server_001"]
        self.seconds_left = seconds_left()

    def recover(self, job: RecoveryJob, _: Any) -> Finished:
        self.recovered.append(job)
        if self.error:
            raise self.error
        return Finished(job.recovery_id, RecoveryState.RECOVERED)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    given = World()
    write_fleet(given.store, FLEET)
    monkeypatch.setattr(app, "services", lambda: given)
    monkeypatch.setattr(app, "recover", given.recover)
    return given


def test_every_event_of_the_folder_has_a_test_here() -> None:
    tested = {"requested", "continued", "cancelled", "delivered_again", "hostile_id", "malformed", "survey"}
    assert {path.stem for path in (EVENTS / "recover").iterdir()} == tested


@pytest.mark.parametrize(
    ("case", "identity"),
    [
        ("requested", "server_001.000017/requested/0"),
        ("continued", "server_001.000017/continued/3"),
        ("cancelled", "server_001.000017/cancelled/0"),
        ("delivered_again", "server_001.000017/requested/0"),
    ],
)
def test_a_recovery_is_worked_on(world: World, case: str, identity: str, caplog: pytest.LogCaptureFixture) -> None:
    assert failures(app.handler(event("recover", case), context(milliseconds=120_000))) == []
    assert [job.identity for job in world.recovered] == [identity]
    assert world.seconds_left == 120
    (said,) = [record for record in caplog.records if record.message == "worked on a recovery"]
    assert (said.__dict__["job"], said.__dict__["outcome"]) == (identity, "Finished")


def test_a_dry_runs_look_is_answered_and_touches_no_recovery(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[RecoveryRequest] = []

    def look(request: RecoveryRequest, _: Any) -> Survey:
        looked.append(request)
        return Survey(TargetState.HEALTHY, 1, None, None, None, None, 1, [], "PostgreSQL 16.15")

    monkeypatch.setattr(app, "look", look)
    reply: Any = app.handler(event("recover", "survey"), context(milliseconds=900_000))
    assert reply["survey"]["runtime"] == "PostgreSQL 16.15"
    assert [request.kind for request in looked] == [Kind.POSTGRESQL]
    assert world.recovered == []
    assert world.seconds_left == pytest.approx(16 + 60), "a person waits for it: there is little time, beside the reserve"


def test_what_stands_in_the_way_of_a_look_is_its_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: Any) -> Survey:
        raise TransportError("connect", "central", "connection refused", "Is it up?", retryable=True)

    monkeypatch.setattr(app, "look", look)
    reply: Any = app.handler(event("recover", "survey"), context())
    assert reply["problem"]["cause"] == "connection refused"
    assert world.recovered == []


@pytest.mark.parametrize("case", ["hostile_id", "malformed"])
def test_what_is_no_job_goes_to_the_dead_letter_queue_untouched(world: World, case: str) -> None:
    given = event("recover", case)
    assert failures(app.handler(given, context())) == [given["Records"][0]["messageId"]]
    assert world.recovered == []
    assert (world.recovery_queue.returned, world.recovery_queue.postponed) == (["AQEBexample"], [])


@pytest.mark.parametrize(
    "error",
    [
        TransportError("connect", "server_001", "connection refused", "Is it up?", retryable=True),
        AccessDeniedError("write record", "recoveries/a", "AccessDenied", "Check the credentials."),
        ObjectNotFoundError("find recovery", "server_001.000017", "there is none of that id", "List them."),
        QueueError("send jobs", "queue", "ThrottlingException", "Wait.", retryable=True),
        CatalogError("read record", "recoveries/a", "2 fields do not fit", "Put it right."),
        ConfigurationError("read secret", "key", "ThrottlingException", "Wait.", retryable=True),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_comes_out_of_a_recovery_is_tried_again_after_a_while(
    world: World, error: FleetsaveError, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    world.error = error
    assert len(failures(app.handler(event("recover", "requested"), context()))) == 1
    assert (world.recovery_queue.returned, world.recovery_queue.postponed) == ([], [("AQEBexample", 1)])
    assert error.cause in caplog.text
    assert "RecoverFailed" in capsys.readouterr().out


def test_what_has_failed_before_is_tried_later(world: World) -> None:
    world.error = TransportError("connect", "server_001", "connection refused", "Is it up?", retryable=True)
    assert len(failures(app.handler(event("recover", "delivered_again"), context()))) == 1
    assert world.recovery_queue.postponed == [("AQEBexample", 3)]


def test_without_a_fleet_file_the_recovery_waits(world: World) -> None:
    world.store.delete("config/fleet.yaml")
    assert len(failures(app.handler(event("recover", "requested"), context()))) == 1
    assert world.recovered == []
    assert world.recovery_queue.postponed == [("AQEBexample", 1)]


@pytest.mark.parametrize("error", [ConfigurationError("read secret", "store", "gone", "Create it."), ZeroDivisionError()])
def test_a_process_that_cannot_begin_says_so_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(app, "services", fail)
    assert len(failures(app.handler(event("recover", "requested"), context()))) == 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert world.recovered == []
