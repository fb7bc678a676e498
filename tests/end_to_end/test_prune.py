"""On the deployed stack: the prune schedule's message deletes what is due, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.history import State
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.kinds import Compression
from tests.end_to_end.deployment import Deployment, slot_of_minute


def test_a_scheduled_run_deletes_what_is_due_keeps_the_newest_verified_and_every_record(deployment: Deployment) -> None:
    kept_for_ever, short_lived = deployment.artifacts
    older, newer = slot_of_minute(50), slot_of_minute(40)
    for slot in (older, newer):
        deployment.fire(slot)
        for artifact_id in (kept_for_ever, short_lived):
            deployment.wait_for_state(BackupKey(artifact_id, slot, Compression.ZSTD), State.VERIFIED)
    due = BackupKey(short_lived, older, Compression.ZSTD)
    stored_at = deployment.catalog.stored(due).finished_at
    deployment.wait_for("the older backup to be past its retention", lambda: datetime.now(UTC) - stored_at > timedelta(seconds=8))
    deployment.send("PruneQueue", {"scheduled_time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
    deployment.wait_for_state(due, State.PRUNED)
    deployment.wait_for("the data to be gone", lambda: due.text not in {info.key for info in deployment.store.list("servers/")})
    with pytest.raises(ObjectNotFoundError):
        deployment.store.head(due.text)
    assert deployment.catalog.stored(due).key == due.text
    assert deployment.catalog.pruned(due).newest_verified_key == deployment.backups(short_lived)[-1].key.text
    for key in (BackupKey(short_lived, newer, Compression.ZSTD), BackupKey(kept_for_ever, older, Compression.ZSTD)):
        assert deployment.catalog.has(key, RecordName.VERIFIED)
        deployment.store.head(key.text)
