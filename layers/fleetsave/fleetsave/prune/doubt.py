"""Whether what was listed may be trusted to delete by it.

A listing may be cut, or be older than the bucket. It can then show fewer backups, and that alone is harmless: nothing is deleted
that is not listed. It is not harmless if it hides a record that would have held everything (a suspect or rejected
newest backup), or shows data that is gone (a verified backup that is to stay). So before the first deletion of an artifact the
few objects that its safety rests on are asked for by name, which no listing can hide: the newest verified backups, and those that
stand for the ones that are thinned out.
"""

from collections.abc import Sequence
from datetime import datetime

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import ObjectNotFoundError
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.retention import Decision, Rule
from fleetsave.prune.inventory import ArtifactInventory
from fleetsave.store.base import ObjectStore


def find_doubt(
    artifact: ArtifactInventory, decisions: Sequence[Decision], listed_from: datetime, store: ObjectStore, catalog: Catalog
) -> str | None:
    """Return why nothing of an artifact may be deleted by what was listed, or None. Raise StoreError."""
    for key in _rested_on([one for one in decisions if one.key not in artifact.half_pruned]):
        if _written_at(store, key.text) is None:
            return f"the data of a backup that is to stay is gone: {key}"
        if catalog.has(key, RecordName.REJECTED):
            return f"a backup that is to stay has been rejected: {key}"
    for decision in decisions:
        if decision.rule is Rule.NEWER_THAN_VERIFIED and not decision.key.artifact_id.is_safety:
            for name in (RecordName.SUSPECT, RecordName.INCONCLUSIVE, RecordName.REJECTED):
                if catalog.has(decision.key, name):
                    return f"a {name} record was not listed, which would hold pruning: {decision.key}"
    for key in sorted(artifact.unlisted | set(artifact.unrecorded)):
        if _was_there(store, key, listed_from):
            return f"the listing is incomplete, {key} has data and record and was not listed with both"
    return None


def _rested_on(decisions: Sequence[Decision]) -> list[BackupKey]:
    """Return the newest verified backups, and of the others the one that stays next to each that is thinned out, newest first."""
    rested_on: dict[BackupKey, None] = {}
    stands_in: BackupKey | None = None
    for decision in decisions:
        if decision.rule is Rule.NEWEST_VERIFIED:
            rested_on[decision.key] = None
        if decision.rule in (Rule.NEWEST_VERIFIED, Rule.BUCKET):
            stands_in = decision.key
        elif decision.rule is Rule.THINNED and stands_in is not None:
            rested_on[stands_in] = None
    return list(rested_on)


def _was_there(store: ObjectStore, key: BackupKey, listed_from: datetime) -> bool:
    """Tell whether both data and `stored.json` were in the store before it was listed."""
    recorded_at = _written_at(store, key.record_key(RecordName.STORED))
    return recorded_at is not None and recorded_at < listed_from and _written_at(store, key.text) is not None


def _written_at(store: ObjectStore, key: str) -> datetime | None:
    try:
        return store.head(key).last_modified
    except ObjectNotFoundError:
        return None
