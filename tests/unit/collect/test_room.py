"""Collect stores a snapshot once, goes on where it was, and leaves nothing half-done."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.collect.outcome import AlreadyStored, Expanded, HandedOn, Stored
from fleetsave.collect.room import collect
from fleetsave.collect.state import ArtifactState
from fleetsave.model.errors import (
    CaptureError,
    CatalogError,
    ConfigurationError,
    InvalidInputError,
    QueueError,
    StoreError,
    TransportError,
)
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Compression, Kind
from fleetsave.model.slots import Slot
from tests.unit.collect.world import ARTIFACT, BROKEN, CONTENT, JOB, KEY, PATH, SLOT, World


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


def test_a_run_that_ended_right_after_its_record_has_its_snapshot_removed_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_bucket: str, key: str, _size: int, _etag: str) -> None:
        raise QueueError("announce", key, "no answer", "", retryable=True)

    with monkeypatch.context() as broken:
        broken.setattr(world.announcer, "announce", refuse)
        with pytest.raises(QueueError):
            collect(JOB, world.ports)
    assert not any(snapshot.released for snapshot in world.source.snapshots.values())
    assert collect(JOB, world.ports) == AlreadyStored(KEY.text)
    assert all(snapshot.released for snapshot in world.source.snapshots.values())
    assert world.announcer.keys == [KEY.text]


def test_an_upload_begun_by_a_run_that_was_killed_before_it_noted_it_is_aborted(world: World) -> None:
    world.store.begin_upload(KEY.text)
    other = BackupKey(ArtifactId("server_001", Kind.DATABASE, "worlds-a"), SLOT, Compression.ZSTD)
    world.store.begin_upload(other.text)
    collect(JOB, world.ports)
    assert [open_upload.key for open_upload in world.store.list_uploads("")] == [other.text]


def test_an_older_slots_upload_and_snapshot_give_way_to_the_newer_slot(world: World) -> None:
    world.source.fails_at, world.source.error = 18 << 20, BROKEN
    with pytest.raises(TransportError):
        collect(JOB, world.ports)
    world.source.fails_at = world.source.error = None
    later = Job(ARTIFACT, Slot(datetime(2024, 1, 1, 13, tzinfo=UTC)))
    assert isinstance(collect(later, world.ports), Stored)
    assert world.open_uploads() == 0
    assert all(snapshot.released for snapshot in world.source.snapshots.values())


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


def test_a_glob_that_matches_nothing_is_an_error_until_it_matches(world: World) -> None:
    worlds = ArtifactId("server_001", Kind.DATABASE, "worlds")
    with pytest.raises(CaptureError) as caught:
        collect(Job(worlds, SLOT), world.ports)
    assert caught.value.reason == "nothing_matches"
    assert b"no file matches" in world.store.get(worlds.state_key)
    world.source.files["/srv/worlds/a.db"] = b"a"
    collect(Job(worlds, SLOT), world.ports)
    assert b"no file matches" not in world.store.get(worlds.state_key)


@pytest.mark.parametrize(("artifact", "path"), [("worlds-b", "/srv/worlds/a.db"), ("worlds", "/srv/worlds/a.db")])
def test_a_file_is_never_stored_under_the_name_of_another(world: World, artifact: str, path: str) -> None:
    world.source.files[path] = b"a"
    with pytest.raises(InvalidInputError, match="worlds-a"):
        collect(Job(ArtifactId("server_001", Kind.DATABASE, artifact), SLOT, source_path=path), world.ports)
    assert world.source.captures == 0


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


def test_the_state_of_an_earlier_version_is_still_read(world: World) -> None:
    world.source.fails_at, world.source.error = 10 << 20, BROKEN
    with pytest.raises(TransportError):
        collect(JOB, world.ports)
    noted = json.loads(world.store.get(ARTIFACT.state_key))
    del noted["transfer"]["repair"]
    world.store.put(ARTIFACT.state_key, json.dumps(noted | {"passed_over_since": "2024-01-01T12:00:00Z"}).encode())
    world.source.fails_at = None
    assert isinstance(collect(JOB, world.ports), Stored)
    assert world.source.captures == 1
