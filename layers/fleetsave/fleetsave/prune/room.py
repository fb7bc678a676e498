"""From the catalog to fewer backups: decide, check again, write it down, delete.

Order for each backup: no recovery begun, not pinned and not verified since it was listed -> pruned.json -> still no recovery
begun -> data deleted, the oldest first. Killed between any two, the next run decides on it again and finishes. No record is
ever deleted.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import FleetsaveError, PruneRefusedError
from fleetsave.model.fleet import Fleet
from fleetsave.model.history import State
from fleetsave.model.keys import ArtifactId
from fleetsave.model.policy import RetentionPolicy
from fleetsave.model.retention import CLOCK_TOLERANCE, Action, Decision, Rule, age_of, decide
from fleetsave.prune.deletion import Deletion
from fleetsave.prune.doubt import find_doubt
from fleetsave.prune.inventory import ArtifactInventory, take
from fleetsave.prune.recovering import RecoveryWatch
from fleetsave.prune.report import Irregularity, Line, Outcome, PruneReport, failure
from fleetsave.store.base import ObjectStore

_NOT_IN_FLEET = (
    "the fleet file does not name it, and what it does not name is never deleted; to retire it, name it again with "
    "a short retention, or delete its objects by hand"
)


def prune(
    *,
    store: ObjectStore,
    catalog: Catalog,
    fleet: Fleet,
    default_keep_for: timedelta,
    now: datetime,
    execute: bool,
    as_of: datetime | None = None,
    server_id: str | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> PruneReport:
    """Decide on every backup of the fleet, or of one server, and delete what may go if `execute` is true.

    `as_of` asks a dry run what would go at another time. `should_stop` is asked before each deletion. A failure in one
    artifact stands in the report and does not keep the others from being pruned. Raise PruneRefusedError, with nothing
    deleted, if our clock and the store's disagree or if `as_of` is to be executed; StoreError if the store cannot be listed.
    """
    if as_of is not None and execute:
        raise PruneRefusedError("prune", f"as of {as_of.isoformat()}", "only a dry run may pretend a time", "Leave one out.")
    listed_from = _agreed_time(store, now)
    inventory = take(store, catalog, listed_from, server_id)
    run = _Run(store, catalog, inventory.recoveries, as_of or min(now, listed_from), listed_from, execute, should_stop)
    irregularities = list(inventory.irregularities)
    for artifact_id, artifact in inventory.artifacts.items():
        try:
            lines = run.prune(artifact_id, artifact, fleet.retention(artifact_id, default_keep_for))
        except FleetsaveError as error:
            run.failures.append(failure(str(artifact_id), error))
            continue
        run.lines.extend(lines)
        irregularities.extend(_irregularities(artifact, lines))
    finished = all(line.outcome is not Outcome.POSTPONED for line in run.lines)
    return PruneReport(now, as_of, execute, run.lines, irregularities, run.failures, finished)


@dataclass(frozen=True)
class _Run:
    store: ObjectStore
    catalog: Catalog
    recoveries: RecoveryWatch
    now: datetime
    listed_from: datetime
    execute: bool
    should_stop: Callable[[], bool]
    lines: list[Line] = field(default_factory=list)
    failures: list[dict[str, str | bool]] = field(default_factory=list)

    def prune(self, artifact_id: ArtifactId, artifact: ArtifactInventory, policy: RetentionPolicy | None) -> list[Line]:
        """Decide on one artifact and carry it out. Raise FleetsaveError before its first deletion only."""
        if policy is None:
            existing = [backup for backup in artifact.backups if backup.state is not State.PRUNED]
            unnamed = [
                Decision(b.key, Action.KEEP, Rule.NOT_IN_FLEET, _NOT_IN_FLEET, age_of(b, self.now)) for b in existing
            ]  # fmt: skip
            return [Line.of(decision, artifact.sizes.get(decision.key, 0), Outcome.KEPT) for decision in unnamed]
        recovering = self.recoveries.reason(artifact_id.server_id)
        decisions = decide(artifact.backups, policy, self.now, missing=artifact.unlisted, recovering=recovering)
        if any(decision.action is Action.DELETE for decision in decisions):
            doubt = find_doubt(artifact, decisions, self.listed_from, self.store, self.catalog)
            if doubt:
                decisions = [_kept(decision, Rule.HELD, doubt) for decision in decisions]
        return self._carry_out(decisions, artifact, policy)

    def _carry_out(self, decisions: list[Decision], artifact: ArtifactInventory, policy: RetentionPolicy) -> list[Line]:
        """Carry out one artifact's decisions, the oldest first; after a failure the rest of them waits for the next run."""
        verified = {backup.key for backup in artifact.backups if backup.state is State.VERIFIED}
        lines: list[Line] = []
        has_failed = False
        for decision in reversed(decisions):
            size = artifact.sizes.get(decision.key, 0)
            if decision.action is Action.KEEP:
                lines.append(Line.of(decision, size, Outcome.KEPT))
            elif not self.execute:
                lines.append(Line.of(decision, size, Outcome.WOULD_DELETE))
            elif has_failed or self.should_stop():
                lines.append(Line.of(decision, size, Outcome.POSTPONED))
            else:
                newest_verified = max(d.key for d in decisions if d.rule is Rule.NEWEST_VERIFIED)
                is_verified = decision.key in verified
                lines.append(self._delete(Deletion(decision, policy, size, is_verified, newest_verified, self.recoveries)))
                has_failed = lines[-1].outcome is Outcome.FAILED
        return lines[::-1]

    def _delete(self, deletion: Deletion) -> Line:
        decision = deletion.decision
        try:
            changed = deletion.changed_since_listed(self.catalog)
            if changed:
                return Line.of(_kept(decision, *changed), deletion.size, Outcome.KEPT)
            outcome, reason = deletion.carry_out(self.store, self.catalog, self.now)
        except FleetsaveError as error:
            self.failures.append(failure(str(decision.key.artifact_id), error))
            return Line.of(replace(decision, reason=f"{decision.reason}; {error}"), deletion.size, Outcome.FAILED)
        if outcome is Outcome.KEPT:
            return Line.of(_kept(decision, Rule.RECOVERING, reason), deletion.size, outcome)
        return Line.of(replace(decision, reason=reason), deletion.size, outcome)


def _agreed_time(store: ObjectStore, now: datetime) -> datetime:
    """Return the store's clock. Raise PruneRefusedError if ours is not near it."""
    theirs = store.now()
    if abs(now - theirs) > CLOCK_TOLERANCE:
        raise PruneRefusedError(
            "prune",
            "the fleet",
            f"our clock ({now:%Y-%m-%d %H:%M:%S}) and the store's ({theirs:%Y-%m-%d %H:%M:%S}) are too far apart",
            "Set this machine's clock, or find out what is wrong with the store's; nothing was deleted.",
        )
    return theirs


def _kept(decision: Decision, rule: Rule, reason: str) -> Decision:
    return replace(decision, action=Action.KEEP, rule=rule, reason=reason)


def _irregularities(artifact: ArtifactInventory, lines: Sequence[Line]) -> Iterator[Irregularity]:
    half_pruned = {key.text for key in artifact.half_pruned}
    for line in lines:
        if line.rule is Rule.MISSING:
            yield Irregularity(line.key, line.reason)
        elif line.key in half_pruned and line.outcome is Outcome.KEPT:
            yield Irregularity(line.key, f"it is marked as pruned and its data is still there, but must stay: {line.reason}")
    for key in artifact.unrecorded:
        yield Irregularity(key.text, "data without a record: an upload about to be recorded, or one that lost its record")
