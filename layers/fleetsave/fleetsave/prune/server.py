"""One server's share of a run: list, decide, check again, write it down, delete.

Order for each backup: no recovery begun, not pinned and not verified since it was listed -> pruned.json -> still no recovery
begun -> data deleted, the oldest first. Killed between any two, the next run decides on it again and finishes. No record is
ever deleted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from fleetsave.catalog.catalog import Catalog
from fleetsave.model.errors import FleetsaveError
from fleetsave.model.fleet import Fleet
from fleetsave.model.history import State
from fleetsave.model.keys import ArtifactId
from fleetsave.model.kinds import Kind
from fleetsave.model.policy import RetentionPolicy
from fleetsave.model.retention import Action, Decision, Rule, age_of, decide
from fleetsave.prune.clocks import Clocks, Moment
from fleetsave.prune.deletion import Deletion
from fleetsave.prune.doubt import find_doubt
from fleetsave.prune.inventory import ArtifactInventory, take
from fleetsave.prune.recovering import RecoveryWatch
from fleetsave.prune.report import Irregularity, Line, Outcome, failure
from fleetsave.store.base import ObjectStore

_NOT_IN_FLEET = (
    "the fleet file does not name it, and what it does not name is never deleted; to retire it, name it again with "
    "a short retention, or delete its objects by hand"
)


@dataclass
class ServerOutcome:
    """What a run decided on one server's backups and did; `is_begun` is false if the run's time was over before its turn."""

    lines: list[Line] = field(default_factory=list)
    irregularities: list[Irregularity] = field(default_factory=list)
    failures: list[dict[str, str | bool]] = field(default_factory=list)
    is_begun: bool = True


@dataclass(frozen=True)
class Run:
    """What is the same for every server of a run; `fleets` holds the part of the fleet file that is about each."""

    store: ObjectStore
    catalog: Catalog
    fleets: Mapping[str, Fleet]
    default_keep_for: timedelta
    recoveries: RecoveryWatch
    clocks: Clocks
    as_of: datetime | None
    execute: bool
    should_stop: Callable[[], bool]

    def prune(self, server_id: str) -> ServerOutcome:
        """Decide on the backups of one server and carry it out; what fails is in what is returned."""
        outcome = ServerOutcome(is_begun=not self.should_stop())
        if not outcome.is_begun:
            return outcome
        try:
            moment = self.clocks.agreed()
            inventory = take(self.store, self.catalog, server_id, moment.by_store, lambda kind: self._longest(server_id, kind))
        except FleetsaveError as error:
            outcome.failures.append(failure(server_id, error))
            return outcome
        outcome.irregularities.extend(inventory.irregularities)
        for artifact_id, artifact in inventory.artifacts.items():
            share = _Share(self, artifact_id, artifact, moment, outcome.failures)
            try:
                lines = share.prune(self._policy(artifact_id))
            except FleetsaveError as error:
                outcome.failures.append(failure(str(artifact_id), error))
                continue
            outcome.lines.extend(lines)
            outcome.irregularities.extend(_irregularities(artifact, lines))
        return outcome

    def _policy(self, artifact_id: ArtifactId) -> RetentionPolicy | None:
        fleet = self.fleets.get(artifact_id.server_id)
        return None if fleet is None else fleet.retention(artifact_id, self.default_keep_for)

    def _longest(self, server_id: str, kind: Kind) -> timedelta:
        fleet = self.fleets.get(server_id)
        policies = [self._policy(artifact_id) for artifact_id in fleet.artifact_ids(kind)] if fleet else []
        return max((policy.keep_for for policy in policies if policy), default=self.default_keep_for)


@dataclass(frozen=True)
class _Share:
    """One artifact in a run; `failures` takes what goes wrong after its first deletion was begun."""

    run: Run
    artifact_id: ArtifactId
    artifact: ArtifactInventory
    moment: Moment
    failures: list[dict[str, str | bool]]

    @property
    def now(self) -> datetime:
        return self.run.as_of or self.moment.at

    def prune(self, policy: RetentionPolicy | None) -> list[Line]:
        """Decide on the artifact and carry it out. Raise FleetsaveError before its first deletion only."""
        artifact = self.artifact
        if policy is None:
            existing = [backup for backup in artifact.backups if backup.state is not State.PRUNED]
            unnamed = [
                Decision(b.key, Action.KEEP, Rule.NOT_IN_FLEET, _NOT_IN_FLEET, age_of(b, self.now)) for b in existing
            ]  # fmt: skip
            return [Line.of(decision, artifact.sizes.get(decision.key, 0), Outcome.KEPT) for decision in unnamed]
        recovering = self.run.recoveries.reason(self.artifact_id.server_id)
        decisions = decide(
            artifact.backups,
            policy,
            self.now,
            missing=artifact.unlisted,
            half_pruned=artifact.half_pruned,
            recovering=recovering,
        )
        if any(decision.action is Action.DELETE for decision in decisions):
            doubt = find_doubt(artifact, decisions, self.moment.by_store, self.run.store, self.run.catalog)
            if doubt:
                decisions = [_kept(decision, Rule.HELD, doubt) for decision in decisions]
        return self._carry_out(decisions, policy)

    def _carry_out(self, decisions: list[Decision], policy: RetentionPolicy) -> list[Line]:
        """Carry out the decisions, the oldest first; after a failure the rest of them waits for the next run."""
        verified = {backup.key for backup in self.artifact.backups if backup.state is State.VERIFIED}
        lines: list[Line] = []
        has_failed = False
        for decision in reversed(decisions):
            size = self.artifact.sizes.get(decision.key, 0)
            if decision.action is Action.KEEP:
                lines.append(Line.of(decision, size, Outcome.KEPT))
            elif not self.run.execute:
                lines.append(Line.of(decision, size, Outcome.WOULD_DELETE))
            elif has_failed or self.run.should_stop():
                lines.append(Line.of(decision, size, Outcome.POSTPONED))
            else:
                newest_verified = max(d.key for d in decisions if d.rule is Rule.NEWEST_VERIFIED)
                is_verified = decision.key in verified
                lines.append(self._delete(Deletion(decision, policy, size, is_verified, newest_verified, self.run.recoveries)))
                has_failed = lines[-1].outcome is Outcome.FAILED
        return lines[::-1]

    def _delete(self, deletion: Deletion) -> Line:
        decision = deletion.decision
        try:
            changed = deletion.changed_since_listed(self.run.catalog)
            if changed:
                return Line.of(_kept(decision, *changed), deletion.size, Outcome.KEPT)
            outcome, reason = deletion.carry_out(self.run.store, self.run.catalog, self.now)
        except FleetsaveError as error:
            self.failures.append(failure(str(decision.key.artifact_id), error))
            return Line.of(replace(decision, reason=f"{decision.reason}; {error}"), deletion.size, Outcome.FAILED)
        if outcome is Outcome.KEPT:
            return Line.of(_kept(decision, Rule.RECOVERING, reason), deletion.size, outcome)
        return Line.of(replace(decision, reason=reason), deletion.size, outcome)


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
