"""A dump becomes an object with its globals, its record and an announcement, or nothing at all."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.collect.outcome import AlreadyStored, Stored
from fleetsave.collect.ports import Ports
from fleetsave.collect.room import collect
from fleetsave.collect.state import StateFile
from fleetsave.model.errors import CaptureError, CatalogError, ConfigurationError, FleetsaveError, StoreError
from fleetsave.model.fleet import Fleet, Postgresql, PostgresqlDatabase
from fleetsave.model.jobs import Job
from fleetsave.model.keys import CENTRAL_SERVER_ID, ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, DumpFormat, Kind
from fleetsave.sources.base import LiveDump
from fleetsave.store.decompress import plain_chunks
from tests.fakes.live_dump import GLOBALS, FakeDump
from tests.fakes.memory_store import MemoryStore
from tests.fakes.sqlite_source import FakeSource
from tests.unit.collect.world import CONTENT, SLOT, World

ARTIFACT = ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, "postgresql")
JOB = Job(ARTIFACT, SLOT)
KEY = BackupKey(ARTIFACT, SLOT, Compression.ZSTD)
LOST = CaptureError("dump", "game", "the connection was lost", "Wait.", reason="connection_lost", retryable=True)
FLEET = Fleet.model_validate(
    {
        "postgresql": {
            "host": "db.example.net",
            "secret": "fleetsave/postgresql/read-central",
            "databases": [
                {"database": "game", "checks": {"total": "SELECT 1"}},
                {"name": "shop", "database": "shop", "format": "custom"},
            ],
        }
    }
)


class DumpWorld(World):
    """A world whose database is dumped; `dumped` are the settings each dump was asked for with."""

    def __init__(self, dump: FakeDump) -> None:
        super().__init__(FakeSource({}))
        self.dump = dump
        self.dumped: list[PostgresqlDatabase] = []

    def open_dump(
        self, _postgresql: Postgresql, database: PostgresqlDatabase, _should_stop: Callable[[], bool]
    ) -> AbstractContextManager[LiveDump]:
        self.dumped.append(database)
        return self._lend()

    @contextmanager
    def _lend(self) -> Iterator[LiveDump]:
        yield self.dump

    @property
    def ports(self) -> Ports:
        return replace(super().ports, fleet=FLEET)

    def objects(self) -> set[str]:
        return {info.key for info in self.store.list("central/")}


@pytest.fixture
def world() -> DumpWorld:
    return DumpWorld(FakeDump(CONTENT))


def test_a_job_becomes_an_object_its_globals_a_record_and_an_announcement(world: DumpWorld) -> None:
    outcome = collect(JOB, world.ports)
    assert isinstance(outcome, Stored)
    assert b"".join(plain_chunks(world.store.read(KEY.text), KEY.compression)) == CONTENT
    assert world.store.get(str(KEY.beside_key)) == GLOBALS
    record = Catalog(world.store).stored(KEY)
    assert record == outcome.record
    assert (record.plain_size, record.source_path, record.stored_sha256 is not None) == (len(CONTENT), "game", True)
    assert world.announcer.keys == [KEY.text]
    assert world.open_uploads() == 0


def test_the_record_holds_the_commands_that_restore_it_into_a_new_database(world: DumpWorld) -> None:
    collect(JOB, world.ports)
    steps = Catalog(world.store).stored(KEY).restore_by_hand
    assert any(step.startswith("createdb --template=template0") and "game_restored" in step for step in steps)
    assert any("_globals.sql" in step and step.startswith("#") for step in steps), "roles are offered, not forced"
    assert not any(step.endswith("-d game") for step in steps), "none of them touches what is there"


def test_an_archive_is_stored_as_it_is_under_its_own_name() -> None:
    world = DumpWorld(FakeDump(CONTENT, "shop", DumpFormat.CUSTOM))
    job = replace(JOB, artifact_id=ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, "shop"))
    collect(job, world.ports)
    key = "central/postgresql/postgresql_20240101_120000_shop.dump"
    assert world.objects() == {key, "central/postgresql/postgresql_20240101_120000_shop_globals.sql"}
    assert world.store.get(key, limit=len(CONTENT)) == CONTENT


def test_a_slot_is_dumped_once(world: DumpWorld) -> None:
    collect(JOB, world.ports)
    assert collect(JOB, world.ports) == AlreadyStored(KEY.text)
    assert len(world.dumped) == 1
    assert world.announcer.keys == [KEY.text, KEY.text]


def test_a_dump_that_breaks_off_leaves_nothing_but_why(world: DumpWorld) -> None:
    world.dump.failure = LOST
    with pytest.raises(CaptureError, match="connection was lost"):
        collect(JOB, world.ports)
    assert (world.objects(), world.open_uploads()) == (set(), 0)
    assert b"connection_lost" in world.store.get(ARTIFACT.state_key)
    world.dump.failure = None
    assert isinstance(collect(JOB, world.ports), Stored)


class FailingStore(MemoryStore):
    """Fails one call once, before or after it has been done."""

    def __init__(self, whole: MemoryStore, call: str, *, after: bool) -> None:
        super().__init__()
        self.__dict__.update(whole.__dict__)
        self._failing, self._after, self._has_failed = call, after, False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or name != self._failing or self._has_failed:
            return found

        def call(*given: Any, **named: Any) -> Any:
            self._has_failed = True
            if self._after:
                found(*given, **named)
            raise StoreError(name, "store", "the connection broke", "Wait.", retryable=True)

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["begin_upload", "upload_part", "put", "complete_upload"])
def test_a_store_that_fails_once_costs_a_retry_and_nothing_else(world: DumpWorld, call: str, after: bool) -> None:
    failing = FailingStore(world.store, call, after=after)
    ports = replace(world.ports, store=failing, catalog=Catalog(failing))
    with pytest.raises(FleetsaveError):
        collect(JOB, ports)
    collect(JOB, world.ports)
    assert world.objects() == {KEY.text, KEY.beside_key}
    assert Catalog(world.store).has(KEY, RecordName.STORED)
    assert world.open_uploads() == 0
    assert StateFile(world.store, ARTIFACT).transfer is None


def test_what_was_uploaded_whole_is_published_without_another_dump(world: DumpWorld) -> None:
    failing = FailingStore(world.store, "complete_upload", after=False)
    with pytest.raises(StoreError):
        collect(JOB, replace(world.ports, store=failing))
    assert isinstance(collect(JOB, world.ports), Stored)
    assert len(world.dumped) == 1


def test_what_was_uploaded_for_an_older_slot_is_published_first_and_not_taken_for_this_one(world: DumpWorld) -> None:
    failing = FailingStore(world.store, "complete_upload", after=False)
    with pytest.raises(StoreError):
        collect(JOB, replace(world.ports, store=failing))
    later_key = replace(KEY, slot=SLOT.repair(3600))
    collect(replace(JOB, slot=later_key.slot), world.ports)
    assert len(world.dumped) == 2
    assert {KEY.text, later_key.text} <= set(world.objects())
    assert Catalog(world.store).stored(KEY).slot == SLOT.text
    assert world.open_uploads() == 0


def test_an_object_without_a_record_is_not_replaced(world: DumpWorld) -> None:
    world.store.put(KEY.text, b"somebody's")
    with pytest.raises(CatalogError):
        collect(JOB, world.ports)
    assert world.store.get(KEY.text) == b"somebody's"


def test_a_database_that_the_fleet_file_names_no_longer_is_not_dumped(world: DumpWorld) -> None:
    gone = replace(JOB, artifact_id=ArtifactId(CENTRAL_SERVER_ID, Kind.POSTGRESQL, "gone"))
    with pytest.raises(ConfigurationError):
        collect(gone, world.ports)
    assert world.dumped == []


def test_before_a_recovery_the_owners_checks_are_left_out_for_what_they_ask_of_may_be_gone(world: DumpWorld) -> None:
    safety = replace(JOB, artifact_id=ARTIFACT.safety)
    collect(safety, world.ports)
    assert world.dumped[0].checks == {}
    assert "central/postgresql/postgresql_20240101_120000_safety-postgresql.sql.zst" in world.objects()
