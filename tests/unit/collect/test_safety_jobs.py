"""A backup made before a recovery: of the same file, under a name of its own, and of nothing else."""

from dataclasses import replace

import pytest

from fleetsave.catalog.catalog import Catalog
from fleetsave.collect.outcome import Stored
from fleetsave.collect.room import collect
from fleetsave.model.errors import CaptureError, ConfigurationError, InvalidInputError
from fleetsave.model.fleet import Fleet
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId, BackupKey
from fleetsave.model.kinds import Compression, Kind
from tests.unit.collect.world import ARTIFACT, CONTENT, JOB, KEY, PATH, SLOT, SSH, World

SAFETY = ARTIFACT.safety


def worlds_job(artifact: str, path: str | None) -> Job:
    return Job(ArtifactId("server_001", Kind.DATABASE, artifact), SLOT, source_path=path)


@pytest.mark.parametrize("path", [PATH, None])
def test_it_is_stored_under_the_safety_artifacts_key(world: World, path: str | None) -> None:
    outcome = collect(Job(SAFETY, SLOT, source_path=path), world.ports)
    assert isinstance(outcome, Stored)
    key = BackupKey(SAFETY, SLOT, Compression.ZSTD)
    assert (outcome.record.key, outcome.record.source_path) == (key.text, PATH)
    assert Catalog(world.store).stored(key).artifact == "safety-database"
    assert world.plain(key) == CONTENT


def test_it_stands_beside_the_ordinary_backup_of_the_same_slot(world: World) -> None:
    collect(JOB, world.ports)
    collect(Job(SAFETY, SLOT, source_path=PATH), world.ports)
    assert world.plain(KEY) == world.plain(BackupKey(SAFETY, SLOT, Compression.ZSTD)) == CONTENT
    assert world.source.captures == 2


def test_a_globs_file_is_stored_under_its_own_safety_name(world: World) -> None:
    world.source.files["/srv/worlds/a.db"] = b"a"
    outcome = collect(worlds_job("safety-worlds-a", "/srv/worlds/a.db"), world.ports)
    assert isinstance(outcome, Stored)
    assert outcome.record.artifact == "safety-worlds-a"


def test_a_globs_file_with_the_longest_of_names_is_stored_too(world: World) -> None:
    path = f"/srv/worlds/{'n' * 56}.db"
    world.source.files[path] = b"a"
    named = ArtifactId("server_001", Kind.DATABASE, f"worlds-{'n' * 56}")
    outcome = collect(Job(named.safety, SLOT, source_path=path), world.ports)
    assert isinstance(outcome, Stored)
    assert outcome.record.artifact == named.safety.artifact != f"safety-{named.artifact}"


@pytest.mark.parametrize("artifact", ["safety-worlds", "safety-worlds-a"])
def test_without_a_path_a_glob_is_refused_by_name_and_never_expanded(world: World, artifact: str) -> None:
    world.source.files["/srv/worlds/a.db"] = b"a"
    with pytest.raises(InvalidInputError, match="which file"):
        collect(worlds_job(artifact, None), world.ports)
    assert (world.source.captures, world.queue.jobs) == (0, [])


@pytest.mark.parametrize(
    ("artifact", "path"),
    [
        ("safety-worlds-b", "/srv/worlds/a.db"),
        ("safety-worlds", "/srv/worlds/a.db"),
        ("safety-worlds-a", "/srv/worlds/../secret.db"),
        ("safety-worlds-a", PATH),
        ("safety-database", "/srv/worlds/a.db"),
        ("safety-database", "/etc/shadow"),
    ],
)
def test_what_does_not_match_the_fleet_file_is_refused(world: World, artifact: str, path: str) -> None:
    world.source.files |= {"/srv/worlds/a.db": b"a", "/srv/worlds/b.db": b"b"}
    with pytest.raises(InvalidInputError):
        collect(worlds_job(artifact, path), world.ports)
    assert world.source.captures == 0


def test_a_name_that_the_fleet_file_does_not_know_is_refused(world: World) -> None:
    with pytest.raises(ConfigurationError, match="does not name it"):
        collect(worlds_job("safety-stranger", PATH), world.ports)


def test_with_several_databases_the_right_one_is_captured(world: World) -> None:
    databases = [{"path": PATH}, {"name": "other", "path": "/srv/other.db"}]
    fleet = Fleet.model_validate({"servers": [{"id": "server_001", "ssh": SSH, "databases": databases}]})
    world.source.files["/srv/other.db"] = b"other"
    job = worlds_job("safety-other", "/srv/other.db")
    assert isinstance(collect(job, replace(world.ports, fleet=fleet)), Stored)
    assert world.plain(BackupKey(job.artifact_id, SLOT, Compression.ZSTD)) == b"other"


def test_the_reason_why_it_could_not_be_had_is_remembered_for_the_recovery(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise CaptureError("capture", PATH, "malformed", "Recover it.", reason="damaged")

    monkeypatch.setattr(world.source, "capture", refuse)
    with pytest.raises(CaptureError):
        collect(Job(SAFETY, SLOT, source_path=PATH), world.ports)
    assert b'"reason":"damaged"' in world.store.get(SAFETY.state_key)
