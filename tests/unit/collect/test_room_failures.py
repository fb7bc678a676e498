"""Whatever fails, collect says it once, leaves nothing behind, and replaces nothing."""

import pytest

from fleetsave.collect.room import collect
from fleetsave.model.errors import AccessDeniedError, ObjectExistsError, StoreError
from fleetsave.model.jobs import Job
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from tests.unit.collect.world import ARTIFACT, BROKEN, JOB, KEY, SLOT, World


def test_a_failure_that_cannot_be_remembered_is_told_with_the_reason(world: World) -> None:
    world.store.fail("put", AccessDeniedError("put", ARTIFACT.state_key, "AccessDenied", "Check the credentials."))
    stranger = ArtifactId("server_001", Kind.DATABASE, "stranger")
    with pytest.raises(AccessDeniedError, match="the fleet file does not name it"):
        collect(Job(stranger, SLOT), world.ports)


def test_a_store_that_refuses_everything_is_told_once(world: World) -> None:
    world.store.fail("begin_upload", AccessDeniedError("begin upload", KEY.text, "AccessDenied", "Check the credentials."))
    world.store.fail("put", AccessDeniedError("put", ARTIFACT.state_key, "AccessDenied", "Check the credentials."))
    with pytest.raises(AccessDeniedError, match="begin upload"):
        collect(JOB, world.ports)
    assert all(snapshot.released for snapshot in world.source.snapshots.values())


def test_an_object_that_appears_meanwhile_stays_and_nothing_is_left_beside_it(world: World) -> None:
    save = world.store.upload_part

    def intrude(*given: object, **named: object) -> object:
        if not list(world.store.list(KEY.text)):
            world.store.put(KEY.text, b"who put this here?")
        return save(*given, **named)  # type: ignore[arg-type]  # handed through as it came

    world.store.upload_part = intrude  # type: ignore[method-assign, assignment]  # the fault to be seen
    with pytest.raises(ObjectExistsError):
        collect(JOB, world.ports)
    assert world.store.get(KEY.text) == b"who put this here?"
    assert world.open_uploads() == 0
    assert all(snapshot.released for snapshot in world.source.snapshots.values())


def test_a_snapshot_is_removed_even_if_its_upload_cannot_be_aborted(world: World) -> None:
    world.source.resumable = False
    world.source.fails_at, world.source.error = 18 << 20, BROKEN
    world.store.fail("abort_upload", StoreError("abort upload", KEY.text, "SlowDown", "Wait.", retryable=True))
    with pytest.raises(StoreError, match="abort upload"):
        collect(JOB, world.ports)
    assert all(snapshot.released for snapshot in world.source.snapshots.values())
