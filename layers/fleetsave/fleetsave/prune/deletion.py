"""Deleting the data of one backup, with its record written first."""

from dataclasses import asdict, dataclass
from datetime import datetime

import fleetsave
from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import AccessDeniedError, StoreError
from fleetsave.model.keys import BackupKey, RecordName
from fleetsave.model.policy import RetentionPolicy
from fleetsave.model.records import PrunedRecord
from fleetsave.model.retention import Decision, Rule
from fleetsave.prune.recovering import RecoveryWatch
from fleetsave.prune.report import Outcome
from fleetsave.store.base import ObjectStore


@dataclass(frozen=True)
class Deletion:
    """One backup to delete; `verified` tells whether the listing showed it as verified, `size` is its stored size."""

    decision: Decision
    policy: RetentionPolicy
    size: int
    verified: bool
    newest_verified: BackupKey
    recoveries: RecoveryWatch

    def changed_since_listed(self, catalog: Catalog) -> tuple[Rule, str] | None:
        """Return why the backup must stay after all, asking for its records by name. Raise StoreError."""
        recovery = self._recovery_since()
        if recovery:
            return Rule.RECOVERING, recovery
        if catalog.has(self.decision.key, RecordName.PINNED):
            return Rule.CHANGED, "a person has pinned it, which the listing did not show yet"
        if not self.verified and catalog.has(self.decision.key, RecordName.VERIFIED):
            return Rule.CHANGED, "it has been verified, which the listing did not show yet"
        return None

    def carry_out(self, store: ObjectStore, catalog: Catalog, now: datetime) -> tuple[Outcome, str]:
        """Write `pruned.json`, see that it is there, delete the data, and return what came of it with the reason.

        A recovery that began before the record was written finds its data all the same, and the backup is kept; one that
        begins after finds the record, and is refused. Doing it again is harmless. Raise StoreError; the next run then decides
        on the backup again.
        """
        key = self.decision.key
        catalog.append(key, RecordName.PRUNED, self._record(now))
        if not catalog.has(key, RecordName.PRUNED):
            # Without it the backup would stand as verified for ever, with no data.
            raise StoreError(
                "prune", key.record_key(RecordName.PRUNED), "the store said that it wrote the record, and does not have it",
                "Nothing was deleted; ask whoever runs the store. The next run tries again.", retryable=True,
            )  # fmt: skip
        recovery = self._recovery_since()
        if recovery:
            return Outcome.KEPT, recovery
        try:
            if key.beside_key is not None:  # first: what is left of a run cut short is found by the backup
                store.delete(key.beside_key)
            store.delete(key.text)
        except AccessDeniedError as error:
            return Outcome.RETAINED, f"{self.decision.reason}; the store retains it for now ({error.cause})"
        return Outcome.DELETED, self.decision.reason

    def _recovery_since(self) -> str | None:
        return self.recoveries.reason_since(self.decision.key.artifact_id.server_id)

    def _record(self, now: datetime) -> PrunedRecord:
        policy = asdict(self.policy)
        keep_for = policy.pop("keep_for")
        return PrunedRecord(
            key=self.decision.key.text,
            reason=self.decision.reason,
            pruned_at=now,
            size=self.size,
            policy={"keep_for_seconds": keep_for.total_seconds(), **policy},
            newest_verified_key=self.newest_verified.text,
            fleetsave_version=fleetsave.__version__,
        )
