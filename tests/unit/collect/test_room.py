"""Collect stores a snapshot once, goes on where it was, and leaves nothing half-done."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.collect import room, upload
from fleetsave.collect.outcome import AlreadyStored, Expanded, HandedOn, Stored
from fleetsave.collect.ports import Ports
from fleetsave.collect.room import collect
from fleetsave.collect.state import ArtifactState, StateFile
from fleetsave.model.errors import CaptureError, CatalogError, ConfigurationError, StoreError, TransportError
from fleetsave.model.fleet import Fleet
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot
from fleetsave.store.decompress import plain_chunks
from fleetsave.transports.base import Transport
from tests.fakes.job_queue import RecordingAnnouncer, RecordingQueue
from tests.fakes.memory_store import MemoryStore
from tests.fakes.sqlite_source import FakeSource

SLOT = Slot(datetime(2024, 1, 1, 12, tzinfo=UTC))
ARTIFACT = ArtifactId("server_001", Kind.DATABASE, "database")
JOB = Job(ARTIFACT, SLOT)
KEY = BackupKey(ARTIFACT, SLOT, Compression.ZSTD)
PATH = "/srv/game.db"
CONTENT = random.Random(1).randbytes(20 << 20)
SSH = {"host": "localhost", "user": "backup", "host_keys": ["ssh-ed25519 AAAA"], "key_secret": "fleetsave/ssh/read-default"}
FLEET = Fleet.model_validate(
    {"servers": [{"id": "server_001", "ssh": SSH, "databases": [{"path": PATH}, {"name": "worlds", "path": "/srv/worlds/*.db"}]}]}
)
BROKEN = TransportError("read", "server_001", "connection reset", "It is tried again.", retryable=True)


class NoTransport:
    """Stands where a transport would; the fake source asks nothing of it."""

    def close(self) -> None:
        """Nothing is open."""


class World:
    """A store, a queue and a server in memory, and collect among them."""

    def __init__(self, source: FakeSource) -> None:
        self.source = source
        self.store = MemoryStore()
        self.queue = RecordingQueue()
        self.announcer = RecordingAnnouncer()
        self.near_deadline: Callable[[], bool] = lambda: False

    @property
    def ports(self) -> Ports:
        return Ports(
            fleet=FLEET,
            store=self.store,
            catalog=Catalog(self.store),
            queue=self.queue,
            announcer=self.announcer,
            bucket="backups",
            endpoint=None,
            open_transport=lambda _: cast("Transport", NoTransport()),
            now=lambda: datetime(2024, 1, 1, 12, 0, 5, tzinfo=UTC),
            is_near_deadline=self._is_near_deadline,
            scratch=Path("unused"),
        )

    def _is_near_deadline(self) -> bool:
        return self.near_deadline()

    def plain(self, key: BackupKey = KEY) -> bytes:
        return b"".join(plain_chunks(self.store.read(key.text), key.compression))

    def open_uploads(self) -> int:
        return len(list(self.store.list_uploads("")))

    def state(self) -> StateFile:
        return StateFile(self.store, ARTIFACT)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    source = FakeSource({PATH: CONTENT})
    monkeypatch.setattr(upload, "source", source)
    monkeypatch.setattr(room, "source", source)
    return World(source)


def test_a_job_becomes_an_object_a_record_and_an_announcement(world: World) -> None:
    outcome = collect(JOB, world.ports)
    assert isinstance(outcome, Stored)
    assert world.plain() == CONTENT
    record = Catalog(world.store).stored(KEY)
    assert record == outcome.record
    assert (record.plain_size, record.slot, record.repair) == (len(CONTENT), "20240101_120000", 0)
    assert record.parts[-1].plain_end == len(CONTENT)
    assert any("zstd -d" in step for step in record.restore_by_hand)
    assert world.announcer.keys == [KEY.text]


def test_nothing_is_left_behind_on_the_server_in_the_store_or_in_the_state(world: World) -> None:
    collect(JOB, world.ports)
    assert all(snapshot.released for snapshot in world.source.snapshots.values())
    assert world.open_uploads() == 0
    assert world.store.get(ARTIFACT.state_key) == b'{"transfer":null,"failure":null}'


def test_the_same_job_again_captures_nothing_and_announces_again(world: World) -> None:
    collect(JOB, world.ports)
    assert collect(JOB, world.ports) == AlreadyStored(KEY.text)
    assert world.source.captures == 1
    assert world.announcer.keys == [KEY.text, KEY.text]


def test_near_the_deadline_the_job_is_handed_on_and_goes_on_from_the_last_part(world: World) -> None:
    asked = iter([False, False, True])
    world.near_deadline = lambda: next(asked, False)
    outcome = collect(JOB, world.ports)
    assert isinstance(outcome, HandedOn)
    assert 0 < outcome.plain_offset < len(CONTENT)
    assert world.queue.jobs == [replace(JOB, hop=1)]
    assert isinstance(collect(world.queue.jobs[0], world.ports), Stored)
    assert world.plain() == CONTENT
    assert world.source.captures == 1
    assert Catalog(world.store).stored(KEY).stored_sha256 is None


def test_a_run_in_which_no_part_arrives_is_given_up(world: World) -> None:
    world.near_deadline = lambda: True
    with pytest.raises(CaptureError, match="without one part") as caught:
        collect(JOB, world.ports)
    assert caught.value.reason == "too_slow"
    assert world.open_uploads() == 0


def test_a_broken_connection_leaves_the_upload_for_the_retry(world: World) -> None:
    world.source.fails_at, world.source.error = 18 << 20, BROKEN
    with pytest.raises(TransportError):
        collect(JOB, world.ports)
    assert world.open_uploads() == 1
    world.source.fails_at = world.source.error = None
    assert isinstance(collect(JOB, world.ports), Stored)
    assert world.source.captures == 1
    assert world.plain() == CONTENT


def test_a_snapshot_that_has_been_replaced_is_never_spliced(world: World) -> None:
    world.source.fails_at, world.source.error = 18 << 20, BROKEN
    with pytest.raises(TransportError):
        collect(JOB, world.ports)
    world.source.fails_at = world.source.error = None
    newer = random.Random(2).randbytes(20 << 20)
    world.source.files[PATH] = newer
    world.source.snapshots.clear()
    collect(JOB, world.ports)
    assert world.plain() == newer
    assert world.open_uploads() == 0


def test_what_cannot_be_gone_on_with_is_aborted_at_once(world: World) -> None:
    world.source.resumable = False
    world.source.fails_at, world.source.error = 18 << 20, BROKEN
    with pytest.raises(TransportError):
        collect(JOB, world.ports)
    assert world.open_uploads() == 0
    assert all(snapshot.released for snapshot in world.source.snapshots.values())


def test_bytes_other_than_those_the_server_hashed_never_become_an_object(world: World) -> None:
    other = random.Random(3).randbytes(len(CONTENT))
    capture = world.source.capture

    def altered(*given: object, **named: object) -> object:
        snapshot = capture(*given, **named)  # type: ignore[arg-type]  # handed through as it came
        snapshot.content = other
        return snapshot

    world.source.capture = altered  # type: ignore[method-assign, assignment]  # the fault to be seen
    with pytest.raises(CaptureError) as caught:
        collect(JOB, world.ports)
    assert caught.value.reason == "altered_in_transit"
    assert world.open_uploads() == 0
    assert list(world.store.list("servers/")) == []


def test_killed_after_the_upload_was_completed_the_record_still_gets_written(world: World) -> None:
    world.store.fail("complete_upload", StoreError("complete", KEY.text, "lost reply", "", retryable=True), after=True)
    with pytest.raises(StoreError):
        collect(JOB, world.ports)
    assert isinstance(collect(JOB, world.ports), Stored)
    assert world.source.captures == 1
    assert world.plain() == CONTENT


def test_an_upload_begun_by_a_run_that_was_killed_before_it_noted_it_is_aborted(world: World) -> None:
    world.store.begin_upload(KEY.text)
    other = BackupKey(ArtifactId("server_001", Kind.DATABASE, "worlds-a"), SLOT, Compression.ZSTD)
    world.store.begin_upload(other.text)
    collect(JOB, world.ports)
    assert [open_upload.key for open_upload in world.store.list_uploads("")] == [other.text]


def test_an_older_slots_upload_gives_way_to_the_newer_slot(world: World) -> None:
    world.source.fails_at, world.source.error = 18 << 20, BROKEN
    with pytest.raises(TransportError):
        collect(JOB, world.ports)
    world.source.fails_at = world.source.error = None
    later = Job(ARTIFACT, Slot(datetime(2024, 1, 1, 13, tzinfo=UTC)))
    assert isinstance(collect(later, world.ports), Stored)
    assert world.open_uploads() == 0


def test_an_object_without_a_record_is_reported_and_kept(world: World) -> None:
    world.store.put(KEY.text, b"who put this here?")
    with pytest.raises(CatalogError, match="without a record"):
        collect(JOB, world.ports)
    assert world.store.get(KEY.text) == b"who put this here?"


def test_a_glob_becomes_one_job_for_each_file(world: World) -> None:
    world.source.files |= {"/srv/worlds/a.db": b"a", "/srv/worlds/b.db": b"b"}
    outcome = collect(Job(ArtifactId("server_001", Kind.DATABASE, "worlds"), SLOT), world.ports)
    assert isinstance(outcome, Expanded)
    assert [(job.artifact_id.artifact, job.source_path) for job in world.queue.jobs] == [
        ("worlds-a", "/srv/worlds/a.db"),
        ("worlds-b", "/srv/worlds/b.db"),
    ]


def test_a_glob_that_matches_nothing_is_an_error(world: World) -> None:
    with pytest.raises(CaptureError) as caught:
        collect(Job(ArtifactId("server_001", Kind.DATABASE, "worlds"), SLOT), world.ports)
    assert caught.value.reason == "nothing_matches"


def test_an_artifact_the_fleet_file_does_not_name_is_refused_and_remembered(world: World) -> None:
    stranger = ArtifactId("server_001", Kind.DATABASE, "stranger")
    with pytest.raises(ConfigurationError):
        collect(Job(stranger, SLOT), world.ports)
    assert b"the fleet file does not name it" in world.store.get(stranger.state_key)


def test_a_failure_is_remembered_until_the_next_success(world: World) -> None:
    world.source.fails_at, world.source.error = 18 << 20, BROKEN
    with pytest.raises(TransportError):
        collect(JOB, world.ports)
    assert b"connection reset" in world.store.get(ARTIFACT.state_key)
    world.source.fails_at = world.source.error = None
    collect(JOB, world.ports)
    assert b"connection reset" not in world.store.get(ARTIFACT.state_key)


def test_state_that_cannot_be_read_is_state_that_is_lost(world: World) -> None:
    world.store.put(ARTIFACT.state_key, b"{broken")
    assert isinstance(collect(JOB, world.ports), Stored)
    assert world.state().transfer == ArtifactState().transfer
