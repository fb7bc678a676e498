"""Every event of `events/verify` through its door."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import StoreError
from fleetsave.model.keys import RecordName
from fleetsave.postgres.programs import Programs, find_programs
from fleetsave.settings import Settings
from functions.verify import app
from tests.fakes.job_queue import RecordingQueue
from tests.fakes.memory_store import MemoryStore
from tests.fixtures.stored_backups import NOW, Room, make_database
from tests.functions.context import EVENTS, context, event
from tests.functions.test_dispatch import failures

ANSWERED = {"object_created_data", "object_created_stored_record", "announced", "by_hand"}
NOTHING_TO_DO = {"object_created_globals", "object_created_manifest"}
REFUSED = {"malformed", "foreign_bucket", "hostile_key"}


@dataclass
class World:
    """Stands where services() would, in memory, with one backup stored at the events' key."""

    room: Room

    def __post_init__(self) -> None:
        self.settings = Settings(bucket="fleetsave-backups")
        self.key = self.room.put_database(make_database(self.room.scratch / "world.db"))

    @property
    def store(self) -> MemoryStore:
        return self.room.store

    @property
    def catalog(self) -> Catalog:
        return self.room.catalog

    @property
    def queue(self) -> RecordingQueue:
        return self.room.queue

    @property
    def programs(self) -> Programs:
        return find_programs(self.settings.postgresql_programs)

    @property
    def scratch(self) -> Path:
        return self.room.scratch

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    given = World(Room(tmp_path))
    monkeypatch.setattr(app, "services", lambda: given)
    return given


def test_every_event_of_the_folder_has_a_test_here() -> None:
    assert {path.stem for path in (EVENTS / "verify").iterdir()} == ANSWERED | NOTHING_TO_DO | REFUSED


@pytest.mark.parametrize("case", sorted(ANSWERED))
def test_every_way_to_name_the_backup_leads_to_its_verdict(world: World, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert failures(app.handler(event("verify", case), context())) == []
    assert world.room.records(world.key) == {RecordName.STORED, RecordName.VERIFIED}
    assert "BackupsVerified" in capsys.readouterr().out


def test_both_events_of_one_backup_read_it_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    for case in ("object_created_data", "object_created_stored_record", "announced", "object_created_data"):
        assert failures(app.handler(event("verify", case), context())) == []
    assert world.store.calls["read"] == 1
    assert capsys.readouterr().out.count('"BackupsVerified":[1.0]') == 1


def test_a_person_can_have_it_read_again(world: World) -> None:
    for _ in range(2):
        app.handler(event("verify", "by_hand"), context())
    assert world.store.calls["read"] == 2


@pytest.mark.parametrize("case", sorted(NOTHING_TO_DO))
def test_the_object_beside_a_dump_is_judged_with_it_and_its_own_message_done_with(
    world: World, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert failures(app.handler(event("verify", case), context())) == []
    assert world.room.records(world.key) == {RecordName.STORED}
    assert world.store.calls["read"] == 0
    assert [record.levelname for record in caplog.records] == ["INFO"]


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_names_no_backup_of_ours_goes_to_the_dead_letter_queue_untouched(
    world: World, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = event("verify", case)
    assert failures(app.handler(given, context())) == [given["Records"][0]["messageId"]]
    assert world.room.records(world.key) == {RecordName.STORED}
    assert world.store.calls["read"] == 0
    assert "will not be retried" in caplog.text


def test_a_rejected_backup_is_no_failure_of_the_message(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.store.replace(world.key.text, b"rotten")
    assert failures(app.handler(event("verify", "announced"), context())) == []
    assert world.room.records(world.key) == {RecordName.STORED, RecordName.REJECTED}
    assert [job.repair for job in world.queue.jobs] == [1]
    assert "BackupsRejected" in capsys.readouterr().out


def test_what_may_pass_is_reported_so_that_it_comes_again(world: World) -> None:
    world.store.fail("head", StoreError("head", world.key.text, "SlowDown", "Wait.", retryable=True))
    assert len(failures(app.handler(event("verify", "announced"), context()))) == 1
    assert failures(app.handler(event("verify", "announced"), context())) == []


def test_without_time_left_nothing_is_judged(world: World) -> None:
    assert len(failures(app.handler(event("verify", "announced"), context(milliseconds=1_000)))) == 1
    assert world.room.records(world.key) == {RecordName.STORED}


def test_without_a_record_the_message_is_done_with(world: World) -> None:
    world.store.delete(world.key.record_key(RecordName.STORED))
    assert failures(app.handler(event("verify", "object_created_data"), context())) == []


def test_a_scratch_folder_that_is_gone_is_reported_and_not_raised(world: World) -> None:
    shutil.rmtree(world.scratch)
    assert len(failures(app.handler(event("verify", "announced"), context()))) == 1
