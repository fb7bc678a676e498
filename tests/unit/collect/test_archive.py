"""Sets of files and whole servers are ordered as the fleet file has them, and stored whole with their manifest, or not at all."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import zstandard

from fleetsave.catalog.catalog import Catalog
from fleetsave.collect.outcome import AlreadyStored, Outcome, Stored
from fleetsave.collect.room import collect
from fleetsave.model.archives import ArchiveProblem, DatabasePart, TreePart
from fleetsave.model.errors import CaptureError, InvalidInputError, StoreError
from fleetsave.model.fleet import Fleet
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey, RecordName
from fleetsave.model.kinds import Compression, Kind
from tests.fakes.live_archive import MANIFEST, FakeArchive
from tests.fakes.sqlite_source import FakeSource
from tests.unit.collect.world import BROKEN, CONTENT, SLOT, SSH, World

FILES = ArtifactId("server_001", Kind.FILES, "files")
FULL = ArtifactId("server_001", Kind.FULL, "full")
KEY = BackupKey(FILES, SLOT, Compression.ZSTD)
TORN = ArchiveProblem("files/files/world.dat", "changed", "it was rewritten while it was read")
GREW = ArchiveProblem("files/files/server.log", "grew", "120 bytes longer")
UNREADABLE = ArchiveProblem("files/files/secret", "unreadable", "Permission denied")


def fleet(**files: Any) -> Fleet:
    server = {
        "id": "server_001", "ssh": SSH, "full": {},
        "databases": [
            {"path": "/srv/game/world.db", "checks": {"money": "SELECT 1"}},
            {"name": "worlds", "path": "/srv/worlds/*.db", "fingerprint": False},
        ],
        "files": [{"path": "/srv/game", "exclude": ["cache"], **files}],
        "logs": [{"path": "/var/log/game", "include": ["*.log*"], "maximum_file_size": "1M"}],
    }  # fmt: skip
    return Fleet.model_validate({"servers": [server]})


@pytest.fixture
def world() -> World:
    return World(FakeSource({"/srv/worlds/a.db": b"", "/srv/worlds/B b.db": b""}, archive=FakeArchive(CONTENT)))


def run(world: World, artifact_id: ArtifactId = FILES, *, source_path: str | None = None, **files: Any) -> Outcome:
    return collect(Job(artifact_id, SLOT, source_path), replace(world.ports, fleet=fleet(**files)))


def test_a_set_is_stored_with_its_manifest_beside_it(world: World) -> None:
    outcome = run(world)
    assert isinstance(outcome, Stored)
    assert world.plain(KEY) == CONTENT
    assert KEY.beside_key is not None
    assert zstandard.decompress(world.store.get(KEY.beside_key)) == MANIFEST
    record = Catalog(world.store).stored(KEY)
    assert record.archive.manifest.key == KEY.beside_key
    assert (record.plain_size, record.source_path) == (len(CONTENT), "/srv/game")
    assert world.announcer.keys == [KEY.text]


def test_what_is_asked_of_the_server_is_what_the_fleet_file_says(world: World) -> None:
    run(world, maximum_file_size="2G", deadline="2m")
    (order,) = world.source.orders
    assert order.trees == [TreePart("files/files", "/srv/game", ["**"], ["cache"], 2 << 30)]
    assert (order.databases, order.deadline, order.source_path) == ([], 120, "/srv/game")


def test_a_full_backup_holds_each_database_once_and_every_set(world: World) -> None:
    world.source.archive = FakeArchive(CONTENT, source_path="/")
    run(world, FULL)
    (order,) = world.source.orders
    assert order.databases[0] == DatabasePart("databases/database.db", "/srv/game/world.db", {"money": "SELECT 1"}, 300, 60)
    assert [(one.path, one.checks) for one in order.databases[1:]] == [("/srv/worlds/B b.db", None), ("/srv/worlds/a.db", None)]
    assert len({one.member for one in order.databases}) == 3
    assert [tree.member for tree in order.trees] == ["files/files", "files/logs"]
    assert order.trees[0].exclude == ["cache", "world.db", "world.db-wal", "world.db-shm", "world.db-journal"]
    assert order.trees[1] == TreePart("files/logs", "/var/log/game", ["*.log*"], [], 1 << 20)


def test_a_slot_that_is_stored_is_not_captured_again(world: World) -> None:
    run(world)
    assert isinstance(run(world), AlreadyStored)
    assert len(world.source.orders) == 1


def test_the_backup_before_a_recovery_is_of_the_same_folder(world: World) -> None:
    assert isinstance(run(world, FILES.safety, source_path="/srv/game"), Stored)


def test_a_job_for_another_folder_is_refused(world: World) -> None:
    with pytest.raises(InvalidInputError, match="/etc"):
        run(world, source_path="/etc")


@pytest.mark.parametrize(
    "failure", [BROKEN, CaptureError("archive", "x", "cut short", "Again.", reason="cut_short", retryable=True)]
)
def test_a_stream_that_fails_leaves_nothing(world: World, failure: Any) -> None:
    world.source.archive = FakeArchive(CONTENT, failure=failure)
    with pytest.raises(type(failure)):
        run(world)
    assert_nothing_stored(world)


def test_a_partial_capture_is_kept_where_the_fleet_file_says_so_and_refused_where_it_says_fail(world: World) -> None:
    world.source.archive = FakeArchive(CONTENT, problems=[GREW, TORN])
    with pytest.raises(CaptureError, match=r"1 files .*world\.dat \(changed") as caught:
        run(world, on_partial="fail")
    assert (caught.value.reason, caught.value.retryable) == ("partial", True)
    assert_nothing_stored(world)
    assert isinstance(run(world, on_partial="warn"), Stored)


def test_what_may_not_be_read_will_not_be_readable_by_trying_again(world: World) -> None:
    world.source.archive = FakeArchive(CONTENT, problems=[TORN, UNREADABLE])
    with pytest.raises(CaptureError) as caught:
        run(world, on_partial="fail")
    assert not caught.value.retryable


def test_what_only_grew_is_whole(world: World) -> None:
    world.source.archive = FakeArchive(CONTENT, problems=[GREW])
    assert isinstance(run(world, on_partial="fail"), Stored)


def test_a_run_killed_before_its_object_appeared_is_published_by_the_next(world: World) -> None:
    def fail(*_: object) -> None:
        raise StoreError("complete upload", KEY.text, "the store is away", "It is tried again.", retryable=True)

    complete, world.store.complete_upload = world.store.complete_upload, fail  # type: ignore[method-assign,assignment]  # the store fails once
    with pytest.raises(StoreError):
        run(world)
    world.store.complete_upload = complete  # type: ignore[method-assign]  # and works again
    assert isinstance(run(world), Stored)
    assert (len(world.source.orders), world.plain(KEY)) == (1, CONTENT)


def assert_nothing_stored(world: World) -> None:
    assert not Catalog(world.store).has(KEY, RecordName.STORED)
    assert list(world.store.list("servers/")) == []
    assert world.open_uploads() == 0


def test_the_deadline_of_a_whole_server_is_its_own(world: World) -> None:
    world.source.archive = FakeArchive(CONTENT, source_path="/")
    run(world, FULL)
    assert world.source.orders[0].deadline == timedelta(minutes=13).total_seconds()
